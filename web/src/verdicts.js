// The sixteen verdicts (spec 00 Liveness), in the order in which they want a person's eye, and the family whose shape
// and colour each has.
export const verdicts = [
    ['dead', 'trouble'], ['zombie', 'trouble'], ['hung_stream', 'trouble'], ['hung_stdin', 'trouble'], ['looping', 'trouble'], ['orphan', 'trouble'],
    ['waiting_permission', 'wait'], ['waiting_input', 'wait'], ['rate_limited', 'wait'], ['api_retrying', 'wait'],
    ['tool_running', 'busy'], ['working', 'busy'], ['starting', 'busy'],
    ['idle', 'calm'], ['done', 'calm'], ['unknown', 'unknown'],
];
const families = new Map(verdicts);
const ranks = new Map(verdicts.map(([name], rank) => [name, rank]));

export const familyOf = (verdict) => families.get(verdict) ?? 'unknown';
export const rankOf = (verdict) => ranks.get(verdict) ?? verdicts.length;
// Told apart without colour too.
export const marks = { trouble: '▲', wait: '◆', busy: '●', calm: '○', unknown: '?' };
