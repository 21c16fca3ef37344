/** Laws 1 and 5: a refresh token is sent once, and again only where nobody can know what became of it. */
import type { StoredRecord } from './disk.ts';
import type { Facts, Post } from './facts.ts';
import type { Profile } from './weather.ts';

const refreshBefore = 30_000;

/** A refresh token leaves. `record` is what is stored in this moment. */
export function judgeSend(
  facts: Facts,
  post: Post,
  record: StoredRecord | undefined,
  profile: Profile,
): void {
  const { token, by, grant } = post;
  const before = token.posts.filter((one) => one !== post);
  if (grant === undefined || grant.over)
    facts.break('step 2', `${by.name} sends ${token.name} without the lock`);
  const isFenced = grant?.lost !== true;
  for (const one of before) {
    const said = `${by.name} sends ${token.name}, which ${one.by.name} has sent before`;
    if (one.fate === 'pending' && isFenced && one.grant?.lost !== true)
      facts.break('law 1', `${said} and still waits for`);
    if (one.fate === 'granted' && isFenced && one.durable) facts.break('law 1', `${said} and was answered`);
    if (one.fate === 'granted' && isFenced && !one.durable && !one.storageFailed && one.grant?.lost !== true)
      facts.break('law 2', `${said} and has an answer that is not stored yet`);
  }
  if (record?.refreshToken === token.text) judgeEvidence(facts, post, record, profile);
}

/** Evidence: the access token is over, or was rejected. After an answer that was lost it must really be over. */
function judgeEvidence(facts: Facts, post: Post, record: StoredRecord, profile: Profile): void {
  const { token, by } = post;
  const accessToken = record.accessTokens[''];
  if (accessToken === undefined || facts.rejected.has(accessToken.token)) return;
  const isUnanswered = token.posts.some((one) => one !== post && one.fate === 'lost');
  if (isUnanswered && profile === 'leeway') return;
  const margin = Math.min(refreshBefore, Math.max(0, accessToken.expiresAt - accessToken.issuedAt) / 4);
  const end = accessToken.expiresAt - (isUnanswered ? 0 : margin);
  if (by.clock.now() >= end) return;
  if (isUnanswered)
    facts.break('law 5', `${by.name} sends ${token.name} once more although there is an access token`);
  else facts.break('evidence', `${by.name} sends ${token.name} although there is a fresh access token`);
}

/** The server has seen a used refresh token. Only if nobody can help it the session may end: it says why. */
export function judgeReuse(facts: Facts, post: Post): void {
  const { token, by } = post;
  const { family } = token;
  const first = token.posts.find(({ committed }) => committed);
  const why = first === undefined ? undefined : excuse(post, first);
  if (why === undefined) {
    facts.break('law 1', `${by.name} had the server see ${token.name} again`);
    return;
  }
  family.revoked = true;
  family.end ??= why;
}

function excuse(post: Post, first: Post): string | undefined {
  if (first.fate === 'lost') return `answer lost: ${first.how}`;
  if (post.fate === 'lost') return `answer lost: given up, and reached the server late (${post.how})`;
  if (post.grant?.lost) {
    return first.durable
      ? 'lease lost AND holder frozen between its last look and the send'
      : 'lease lost AND holder frozen, while another waited for the answer';
  }
  if (first.grant?.lost) return 'lease lost AND the answer was still on its way';
  if (first.fate === 'refused') return 'answer lost: a gateway answered instead';
  if (first.fate === 'granted' && !first.durable && first.storageFailed)
    return 'storage failed: it refused the successor, and another process needed a token';
  return undefined;
}
