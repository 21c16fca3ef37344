/** Laws single-use and response-lost: a refresh token is sent once, and again only where its state cannot be known. */
import type { StoredRecord } from './disk.ts';
import type { Facts, Post } from './facts.ts';
import type { Profile, Weather } from './weather.ts';

const refreshBefore = 30_000;
/** How long a token request may take. */
const timeLimit = 30_000;

const late = 'given up, and reached the server late';
const storedAgain =
  'storage failed: it did not say that it had stored a login, which was spent and signed out of';

/** A refresh token leaves. `record` is what is stored in this moment. */
export function judgeSend(
  facts: Facts,
  post: Post,
  record: StoredRecord | undefined,
  { profile, mayBeLost }: Pick<Weather, 'profile' | 'mayBeLost'>,
): void {
  const { token, by, grant } = post;
  const { revoked } = token.family;
  const before = revoked ? [] : token.posts.filter((one) => one !== post && !isBeforeRevival(one));
  if (grant === undefined || grant.over)
    facts.break('step 2', `${by.name} sends ${token.name} without the lock`);
  if (post.isLate)
    facts.break('law bounded-locks', `${by.name} sends ${token.name} although its lease has ended`);
  if (mayBeLost && profile === 'strict') for (const one of before) judgePatience(facts, post, one);
  for (const one of before) {
    if (grant?.lost !== undefined || one.grant?.lost !== undefined) continue;
    const said = `${by.name} sends ${token.name}, which ${one.by.name} has sent before`;
    if (one.outcome === 'pending') facts.break('law single-use', `${said} and still waits for`);
    if (one.outcome !== 'granted' || cameTooLate(one, post)) continue;
    if (one.durableAt !== undefined) facts.break('law single-use', `${said} and was answered`);
    else facts.break('law commit-before-use', `${said} and has an answer that is not stored yet`);
  }
  if (record?.refreshToken === token.text) judgeEvidence(facts, post, record, profile);
}

/** A holder that may have lost the lock without knowing is given the time to end what it has sent: its `timeout`. */
function judgePatience(facts: Facts, { token, by, sentAt }: Post, one: Post): void {
  const isOpen = ['pending', 'granted', 'lost'].includes(one.outcome);
  // A request leaves when its process is awake: it may have been the first one.
  const between = Math.abs(sentAt - one.sentAt);
  if (one.by === by || !isOpen || between >= timeLimit) return;
  facts.break('law bounded-locks', `${by.name} sends ${token.name}, ${between} ms from ${one.by.name}`);
}

/** Evidence: the access token has expired, or was rejected. After a lost response it must really have expired. */
function judgeEvidence(facts: Facts, post: Post, record: StoredRecord, profile: Profile): void {
  const { token, by } = post;
  const accessToken = record.accessTokens[''];
  if (accessToken === undefined || facts.rejected.has(accessToken.token)) return;
  const isUnanswered = token.posts.some(
    (one) => one !== post && (one.outcome === 'lost' || isBeforeRevival(one)),
  );
  if (isUnanswered && profile === 'leeway') return;
  const margin = Math.min(refreshBefore, Math.max(0, accessToken.expiresAt - accessToken.issuedAt) / 4);
  const end = accessToken.expiresAt - (isUnanswered ? 0 : margin);
  if (by.clock.now() >= end) return;
  if (isUnanswered)
    facts.break(
      'law response-lost',
      `${by.name} sends ${token.name} once more although there is an access token`,
    );
  else facts.break('evidence', `${by.name} sends ${token.name} although there is a fresh access token`);
}

/** The server has seen a used refresh token. Only if nobody can help it the session may end: it says why. */
export function judgeReuse(facts: Facts, post: Post, profile: Profile): void {
  const { token, by } = post;
  const { family } = token;
  const first = token.posts.find(({ committed }) => committed);
  const why = first === undefined ? undefined : excuse(post, first);
  if (why === undefined) {
    facts.break('law single-use', `${by.name} had the server see ${token.name} again`);
    return;
  }
  // Inside a declared reuse window one lost response costs nothing, unless the request itself comes two rotations late.
  if (profile === 'leeway' && !why.startsWith('lease ') && !why.includes(late) && why !== storedAgain)
    facts.break('law response-lost', `the server does not forgive ${by.name}'s ${token.name}: ${why}`);
  family.revoked = true;
  family.end ??= why;
}

function excuse(post: Post, first: Post): string | undefined {
  if (post.outcome === 'lost') return `response lost: ${late} (${post.how})`;
  if (post.grant?.lost !== undefined) {
    const where = first.durableAt === undefined ? 'while another waited for the answer' : 'before the send';
    return `lease ${post.grant.lost} AND holder ${frozen(post)} between its last look and the send, ${where}`;
  }
  if (isBeforeRevival(first) && isCarefulAttempt(post)) return storedAgain;
  if (first.outcome === 'lost') return `response lost: ${first.how}`;
  if (first.outcome === 'refused') return 'response lost: a gateway answered instead';
  if (first.grant?.lost === 'stolen') return 'lease stolen AND the answer was still on its way';
  if (first.grant?.lost === 'ended')
    return first.by.hasFrozenSince(first.grant.at)
      ? 'lease ended AND holder frozen before the commit'
      : undefined;
  if (first.outcome === 'granted' && cameTooLate(first, post))
    return 'storage failed: it refused the successor, and another process needed a token';
  return undefined;
}

/** It was sent before its login was stored once more, which could not know that. */
function isBeforeRevival({ token, markedAt }: Post): boolean {
  const { revivedAt } = token.family;
  return revivedAt !== undefined && markedAt < revivedAt;
}

/** The one attempt for a login that was stored once more: the first that may have reached the server since. */
function isCarefulAttempt(post: Post): boolean {
  const { token } = post;
  const since = token.posts.filter((one) => !isBeforeRevival(one) && one.outcome !== 'unsent');
  return since[0] === post;
}

/**
 * The storage refused its successor, and stored it only after another process had seen that there is none. A process
 * with the successor in memory has no such excuse.
 */
function cameTooLate(first: Post, post: Post): boolean {
  const { storageFailed, durableAt = Number.POSITIVE_INFINITY } = first;
  return storageFailed && durableAt > post.markedAt && first.by !== post.by;
}

function frozen({ by, grant }: Post): string {
  return by.hasFrozenSince(grant?.at ?? 0) ? 'frozen' : 'awake';
}
