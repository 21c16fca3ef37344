import { useState, useSyncExternalStore } from 'react';
import { isTokenKeepError } from 'tokenkeep';
import { api, manager, session, signIn, signOut } from './session.ts';

export function App() {
  const { status, problem } = useSyncExternalStore(
    session.subscribe,
    session.snapshot,
    session.serverSnapshot,
  );
  return (
    <main>
      <h1>Orders</h1>
      <p role="status">{status === 'starting' ? 'One moment …' : `You are ${status}.`}</p>
      {problem && <p role="alert">{problem}</p>}
      {status === 'signed out' && (
        <button type="button" onClick={signIn}>
          Sign in
        </button>
      )}
      {status === 'signed in' && <Orders />}
    </main>
  );
}

function Orders() {
  const [calls, setCalls] = useState(0);
  const [answer, setAnswer] = useState('');
  async function load() {
    setCalls(calls + 1);
    setAnswer(await ask('orders'));
  }
  return (
    <>
      <button type="button" onClick={load}>
        Call the API
      </button>
      <button type="button" onClick={signOut}>
        Sign out everywhere
      </button>
      <p>
        Calls: <output>{calls}</output>
      </p>
      <output aria-label="Answer">{answer}</output>
    </>
  );
}

async function ask(path: string): Promise<string> {
  try {
    const response = await manager.fetch(api + path);
    if (!response.ok) return `The API says ${response.status}.`;
    const { user, generation } = await response.json();
    return `Hello ${user}, said the API to access token ${generation}.`;
  } catch (error) {
    // Where a login is needed, the session says so itself.
    return isTokenKeepError(error) ? error.message : 'The API does not answer. Please try again.';
  }
}
