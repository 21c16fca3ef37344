import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { publishEvents } from 'tokenkeep/node';
import { expect, onTestFinished, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';

test('events are published on channels by their types, until that is stopped', async () => {
  const heard: unknown[] = [];
  const hear = (event: unknown, name: string | symbol) => void heard.push([name, event]);
  subscribe('tokenkeep:refreshed', hear);
  onTestFinished(() => void unsubscribe('tokenkeep:refreshed', hear));
  const { manager, expire } = await openManager();
  const stop = publishEvents(manager);
  expire();
  await manager.getAccessToken();
  expect(heard).toEqual([
    ['tokenkeep:refreshed', expect.objectContaining({ type: 'refreshed', rotated: true })],
  ]);
  stop();
  expire();
  await manager.getAccessToken();
  expect(heard.length).toBe(1);
});
