/** Sets what the reader chose earlier, before anything is painted. */
(() => {
  const root = document.documentElement;
  root.classList.add('script');
  try {
    const colours = localStorage.getItem('tokenkeep-docs-colours');
    if (colours === 'light' || colours === 'dark') root.dataset['theme'] = colours;
  } catch {
    // Site data is blocked: the page looks as the system prefers.
  }
})();

export {};
