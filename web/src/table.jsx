// One table for every page: columns are rows of a table.  { key, title, print(row, context), tip?(row), wide?, end? }
// Roles are spelled out, since on a narrow screen a row is laid out as a card and would lose them.
import { Component } from 'preact';

// Text, or { text, node }: what is read, and what is drawn in its place.
function Cell({ column, row, context }) {
    const shown = column.print(row, context);
    const rich = shown !== null && typeof shown === 'object';
    return (
        <td role="cell" data-column={column.key} data-title={column.title} class={column.end ? 'end' : undefined} title={column.tip?.(row) || undefined}>
            {rich ? shown.node : shown}
        </td>
    );
}

class Row extends Component {
    shouldComponentUpdate(next) {
        if (next.row !== this.props.row || next.extra !== this.props.extra || next.columns !== this.props.columns) return true;
        // Only the clock has moved: draw again where that can be read.
        return next.columns.some((column) => column.ages && column.ages(next.row, next.context) !== column.ages(this.props.row, this.props.context));
    }
    render({ row, columns, context, id }) {
        return (
            <tr role="row" data-id={id}>
                {columns.map((column) => <Cell key={column.key} column={column} row={row} context={context} />)}
            </tr>
        );
    }
}

// groups: [{ id, head, rows }]; head is drawn over the rows, or null.  extraOf(row): what else a row is drawn from.
export function Table({ label, columns, groups, idOf, context, extraOf }) {
    return (
        <div class="scroll">
            <table role="table" aria-label={label}>
                <thead role="rowgroup">
                    <tr role="row">
                        {columns.map((column) => (
                            <th role="columnheader" scope="col" key={column.key} class={`c-${column.key}${column.end ? ' end' : ''}`}>{column.title}</th>
                        ))}
                    </tr>
                </thead>
                {groups.map((group) => (
                    <tbody role="rowgroup" key={group.id ?? ''} data-group={group.id ?? ''}>
                        {group.head && (
                            <tr role="row" class="group">
                                <th role="rowheader" scope="rowgroup" colSpan={columns.length}>{group.head}</th>
                            </tr>
                        )}
                        {group.rows.map((row) => (
                            <Row key={idOf(row)} id={idOf(row)} row={row} columns={columns} context={context} extra={extraOf?.(row)} />
                        ))}
                    </tbody>
                ))}
            </table>
        </div>
    );
}
