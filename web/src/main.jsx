import { render } from 'preact';
import { App } from './app.jsx';
import { hub } from './hub-pages.jsx';
import { node } from './pages.jsx';
import './style.css';

// The page says which program has sent it: a node's has no mark.
const programs = { hub };
render(<App program={programs[document.documentElement.dataset.program] ?? node} />, document.getElementById('app'));
