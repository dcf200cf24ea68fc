// Server-sent events from text that comes in pieces, cut anywhere (HTML, 9.2.6).  EventSource would do, but it cannot send
// a token.  Pure.
export class EventParser {
    lastId = '';
    #rest = '';
    #event = { type: '', data: null };

    // The events that this piece completed: [{ type, data, id }].
    push(piece) {
        const lines = (this.#rest + piece).split('\n');
        this.#rest = lines.pop();
        return lines.map((line) => this.#line(line.replace(/\r$/, ''))).filter(Boolean);
    }
    #line(line) {
        if (line === '') return this.#finish();
        const colon = line.indexOf(':');
        if (colon === 0) return null; // a comment, which keeps the connection alive
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (name === 'data') this.#event.data = this.#event.data === null ? value : `${this.#event.data}\n${value}`;
        if (name === 'event') this.#event.type = value;
        if (name === 'id' && !value.includes('\0')) this.lastId = value;
        return null;
    }
    #finish() {
        const { type, data } = this.#event;
        this.#event = { type: '', data: null };
        return data === null ? null : { type: type || 'message', data, id: this.lastId };
    }
}
