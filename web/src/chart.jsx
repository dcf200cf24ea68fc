// Figures over time.  The table below a chart has the same figures for those who cannot see it.
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { UNKNOWN } from './format.js';
import { everyFew } from './series.js';

const HEIGHT = 240;
const WORD_PX = 120; // between two words of the axis of time
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]]; // told apart without colour too

// The colours are the style sheet's, so that light and dark are decided in one place.
const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

function optionsFor(box, { x, series, print, timeName, timeTitle }) {
    const bars = series.length === 1;
    const pad = x.length > 1 ? (x[1] - x[0]) / 2 : 1; // half of a bar at each end
    const ink = colour(box, '--quiet'), line = colour(box, '--line');
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: `12px ${getComputedStyle(box).fontFamily}` };
    return {
        width: box.clientWidth, height: HEIGHT,
        axes: [{ ...axis, splits: (plot) => everyFew(x, plot.width / WORD_PX), values: (_, at) => at.map(timeName) }, { ...axis, size: 72, values: (_, splits) => splits.map((v) => print(v)) }],
        scales: { x: { time: false, range: () => [x[0] - pad, x.at(-1) + pad] }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.05 : 1] } },
        cursor: { drag: { x: false, y: false } },
        series: [{ label: timeTitle, value: (_, v) => (v === null ? UNKNOWN : timeName(v)) }, ...series.map(({ label }, i) => {
            const stroke = colour(box, `--series-${i % 8}`);
            return {
                label, stroke, width: 2, dash: DASHES[Math.floor(i / 2) % DASHES.length], value: (_, v) => print(v),
                ...(bars && { fill: stroke, paths: UPlot.paths.bars({ size: [0.7, 60] }), points: { show: false } }),
            };
        })],
    };
}

// print(value), timeName(seconds): what a figure and a time are called.
export function Chart({ title, x, series, left, print, timeName, timeTitle }) {
    const box = useRef();
    const drawn = JSON.stringify([x, series]);
    useEffect(() => {
        if (x.length === 0) return undefined;
        let plot = null;
        const draw = () => {
            plot?.destroy();
            plot = new UPlot(optionsFor(box.current, { x, series, print, timeName, timeTitle }), [x, ...series.map((s) => s.values)], box.current);
        };
        draw();
        const scheme = matchMedia('(prefers-color-scheme: dark)');
        const size = new ResizeObserver(() => plot.setSize({ width: box.current.clientWidth, height: HEIGHT }));
        scheme.addEventListener('change', draw);
        size.observe(box.current);
        return () => {
            scheme.removeEventListener('change', draw);
            size.disconnect();
            plot.destroy();
        };
    }, [drawn, title]);
    if (x.length === 0) return null;
    return (
        <figure class="chart">
            <div ref={box} role="img" aria-label={`${title}: ${series.map((s) => s.label).join(', ')}; the figures are in the table`} />
            <figcaption>{title}{left > 0 && `; the ${series.length} largest of ${series.length + left}`}</figcaption>
        </figure>
    );
}
