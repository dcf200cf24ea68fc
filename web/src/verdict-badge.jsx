// A verdict as it is drawn: by its family's shape and colour.
import { UNKNOWN } from './format.js';
import { familyOf, marks } from './verdicts.js';

export function Badge({ verdict }) {
    if (!verdict) return UNKNOWN;
    const family = familyOf(verdict);
    return <span class={`badge ${family}`}><span aria-hidden="true">{marks[family]}</span> {verdict}</span>;
}
export const verdictColumn = (key, title, verdictOf) => ({ key, title, print: (row) => ({ node: <Badge verdict={verdictOf(row)} /> }) });
