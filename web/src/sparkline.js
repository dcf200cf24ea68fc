// The path of a small line: one step per reading, a gap where it is not known.  Pure.
export function sparkPath(readings, width, height, length = 30) {
    const top = Math.max(100, ...readings.filter((r) => r !== null));
    const step = width / (length - 1);
    const left = width - (readings.length - 1) * step; // the newest is at the right
    let pen = 'M';
    let path = '';
    readings.forEach((reading, i) => {
        if (reading === null) {
            pen = 'M';
            return;
        }
        const x = (left + i * step).toFixed(1), y = (height - 1 - (reading / top) * (height - 2)).toFixed(1);
        path += `${pen}${x} ${y}`;
        pen = 'L';
    });
    return path;
}
