/**
 * Turns of phrase that make a reader stop, each with its remedy. They are rare in the code bases that readers know, and they
 * mark sentences that hide the actor. The list is a floor: a sentence without any of them can still be hard to read.
 */
export interface Marker {
  readonly name: string;
  /** It must have the flags `g` and `i`. */
  readonly pattern: RegExp;
  readonly remedy: string;
}

/** The beginning of a text or of a sentence in it. */
const start = String.raw`(?<=^|[.!?]\s)`;
/** The sentence is not a question. */
const statement = '(?=(?:[^.?!]|[.](?!\\s|$))*(?:[.!]|$))';

const field = "Use the field's verb:";

export const markers: readonly Marker[] = [
  {
    name: 'whoever',
    pattern: /\bwhoever\b/gi,
    remedy: 'Name the actor: the caller, the manager, the user, you.',
  },
  {
    name: 'headless who',
    pattern: new RegExp(String.raw`${start}who(?:m|se)?\b${statement}`, 'gi'),
    remedy: 'Begin the sentence with the actor: the caller, the manager, the user, you.',
  },
  {
    name: 'headless what',
    pattern: new RegExp(String.raw`${start}what\b(?! to\b)${statement}`, 'gi'),
    remedy: 'Begin with a noun or a verb: "Options of a manager.", "Returns the tokens."',
  },
  {
    name: 'that which',
    pattern: /\b(?:that which|those who|all who|for whom|of whom|to whom)\b/gi,
    remedy: 'Name the actor: the waiting callers, the other tabs.',
  },
  {
    name: 'is over',
    pattern: /\b(?:is|are|was|were) over\b(?! (?:\d|an?\b|the\b|https?\b|tls\b))/gi,
    remedy: `${field} expire, end, finish.`,
  },
  {
    name: 'tell',
    pattern: /\b(?:told|tells?|telling)\b/gi,
    remedy: `${field} emit, report, return, notify, distinguish.`,
  },
  {
    name: 'hear',
    pattern: /\b(?:hears?|heard|hearing)\b/gi,
    remedy: `${field} receive, listen, notice.`,
  },
  { name: 'mend', pattern: /\bmend(?:s|ed|ing)?\b/gi, remedy: `${field} fix, repair.` },
  {
    name: 'is none',
    pattern: /(?<!\bthere )\b(?:is|are|was|were) none\b(?! of\b)/gi,
    remedy: 'Say it in full: "there is no …", "is not a …".',
  },
  { name: 'all the same', pattern: /\ball the same\b/gi, remedy: 'Write "anyway" or "nevertheless".' },
  { name: 'for ever', pattern: /\bfor ever\b/gi, remedy: 'Write "forever", or name the limit.' },
  { name: 'likewise', pattern: /\blikewise\b/gi, remedy: 'Say what is the same, or write "also".' },
  { name: 'besides', pattern: /\bbesides\b/gi, remedy: 'Write "also" or "in addition to".' },
  {
    name: 'let go',
    pattern: /\b(?:lets?|letting) (?:(?:it|them) )?go\b/gi,
    remedy: `${field} release, discard, close.`,
  },
  {
    name: 'give up',
    pattern: /\b(?:gives?|gave|given|giving) (?:it |them )?up\b/gi,
    remedy: `${field} stop waiting, abort, stop retrying, time out.`,
  },
  { name: 'at hand', pattern: /\bat hand\b/gi, remedy: 'Write "available".' },
  {
    name: 'come of',
    pattern: /\b(?:comes?|came|becomes?|became) of\b/gi,
    remedy: 'Name the result: "the result of …", "happens to …".',
  },
  {
    name: 'of use',
    pattern: /\bof (?:no |any |little )?use\b/gi,
    remedy: 'Write "useful", "useless" or "cannot be used".',
  },
  {
    name: 'hand over',
    pattern: /\b(?:hands?|handed|handing) (?:(?:it|them) )?(?:over|out|on)\b/gi,
    remedy: `${field} pass, return, issue, forward.`,
  },
  { name: 'anew', pattern: /\banew\b/gi, remedy: 'Write "again".' },
];
