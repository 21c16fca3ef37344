import { StrictMode } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { App } from './app.tsx';

const page = (
  <StrictMode>
    <App />
  </StrictMode>
);
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root.');
// Hydrates the markup of a server.
if (root.hasChildNodes()) hydrateRoot(root, page);
else createRoot(root).render(page);
