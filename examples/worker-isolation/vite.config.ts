import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // One file at the top of the site: service workers may not import() what comes later, and serve what is beneath them.
  worker: { format: 'iife', rolldownOptions: { output: { entryFileNames: '[name].js' } } },
});
