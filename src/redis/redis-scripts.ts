/**
 * The scripts that run inside Redis, each in one step. Reads are scripts too: a script runs on the primary, a `GET`
 * on the replica that a cluster's client selects.
 *
 * @module
 */

/** A script, and the hash under which Redis caches it after its first run. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/** Length of a version in front of a record: that of a UUID. */
export const versionLength = 36;

/** The stored value: `=` and its version, or nothing. */
const held: string = `
local held = ''
if redis.call('EXISTS', KEYS[1]) == 1 then held = '=' .. redis.call('GETRANGE', KEYS[1], 0, ${versionLength - 1}) end
`;

/** KEYS: record. */
export const readScript: Script = {
  text: `return redis.call('GET', KEYS[1])`,
  sha1: 'd3c21d0c2b9ca22f82737626a27bcaf5d288f99f',
};

/**
 * KEYS: record. ARGV: required lock, version and record, ms to keep it or nothing, channel, message. Returns 0 for a conflict.
 * The change is published first, so that nothing is changed if publishing is not allowed. Subscribers receive the message only
 * after the script has ended.
 */
export const writeScript: Script = {
  text: `${held}
if held ~= ARGV[1] then return 0 end
redis.call('PUBLISH', ARGV[4], ARGV[5])
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`,
  sha1: '9a1f410c6a9d658c63b542f067d6dab217bf601b',
};

/** KEYS: record. ARGV: required value or nothing, channel, message. Returns 0 for a conflict. */
export const deleteScript: Script = {
  text: `${held}
if ARGV[1] ~= '' and held ~= ARGV[1] then return 0 end
if held == '' then return 1 end
redis.call('PUBLISH', ARGV[2], ARGV[3])
redis.call('DEL', KEYS[1])
return 1`,
  sha1: '139f54307c3fbeabcf3efa518fd339fd0ef1f63d',
};

/** KEYS: any key of the storage. Writes a marker: once the replicas have it, they have all earlier writes. */
export const touchScript: Script = {
  text: `return redis.call('SET', KEYS[1], '', 'PX', 1000)`,
  sha1: '26a80d15958bc3034ec61946c4badef3ee6a8695',
};

/**
 * KEYS: lock, wanted. ARGV: owner, lease. Returns 0 if the caller holds the lock, also if only the response to an earlier attempt was
 * lost. Otherwise returns the longest time for which another owner holds it, in ms, and marks the lock as wanted for that owner.
 */
export const acquireScript: Script = {
  text: `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 then left = tonumber(ARGV[2]) end
  return math.max(5, left)
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0`,
  sha1: '78ab744bfd80d4e183257e4119a94c5a8ac84d62',
};

/** KEYS: lock. ARGV: owner, lease. Returns 0 if the caller no longer holds the lock. */
export const renewScript: Script = {
  text: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
  sha1: '8d943429f5dbb76e635924bf92e32e374e38ae0b',
};

/** KEYS: lock, wanted. ARGV: owner, channel, message. Returns 1 if other callers want the lock, and were notified. */
export const releaseScript: Script = {
  text: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if redis.call('DEL', KEYS[2]) == 0 then return 0 end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1`,
  sha1: 'ebd67977e107cdfc75de7bd8e303b44ec8228560',
};
