/**
 * What runs inside Redis, where nothing comes in between. All of it in scripts, also a read: a script goes to the
 * primary, a `GET` to whatever replica a cluster's client likes best.
 *
 * @module
 */

/** Length of a version in front of a record: that of a UUID. */
export const versionLength = 36;

/** What is stored, as `=` and its version; nothing, if nothing is. */
const held = `
local held = ''
if redis.call('EXISTS', KEYS[1]) == 1 then held = '=' .. redis.call('GETRANGE', KEYS[1], 0, ${versionLength - 1}) end
`;

/** KEYS: record. */
export const readScript = `return redis.call('GET', KEYS[1])`;

/**
 * KEYS: record. ARGV: what must be held, version and record, ms to keep it or nothing, channel. 0 is a conflict.
 * It is announced first, so that where that is not allowed nothing has changed; nobody hears of it before the script is over.
 */
export const writeScript: string = `${held}
if held ~= ARGV[1] then return 0 end
redis.call('PUBLISH', ARGV[4], KEYS[1])
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`;

/** KEYS: record. ARGV: what must be held or nothing, channel. 0 is a conflict. */
export const deleteScript: string = `${held}
if ARGV[1] ~= '' and held ~= ARGV[1] then return 0 end
if held == '' then return 1 end
redis.call('PUBLISH', ARGV[2], KEYS[1])
redis.call('DEL', KEYS[1])
return 1`;

/** KEYS: any of ours. A write that says nothing: when the replicas have it, they have what was written before it. */
export const touchScript = `return redis.call('SET', KEYS[1], '', 'PX', 1000)`;

/**
 * KEYS: lock, wanted. ARGV: owner, lease. 0: it is yours, also if only the answer to an earlier attempt was lost.
 * Otherwise how long it is another's at most, in ms; that it is wanted is left behind for whoever lets it go.
 */
export const acquireScript = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
  return math.max(1, redis.call('PTTL', KEYS[1]))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0`;

/** KEYS: lock. ARGV: owner, lease. 0: it is not yours any more. */
export const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** KEYS: lock, wanted. ARGV: owner, channel. 1: others want it, and were told. */
export const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if redis.call('DEL', KEYS[2]) == 0 then return 0 end
redis.call('PUBLISH', ARGV[2], KEYS[1])
return 1`;
