/** Loaded before the demo: sends each refresh twice, as a proxy that retries would. */
const send = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  if (String(init?.body).includes('grant_type=refresh_token')) await (await send(input, init)).arrayBuffer();
  return send(input, init);
};
