// The pages: each names the lists of the API that it shows.  A further page is a row.
import { Fleet } from './fleet.jsx';

export const pages = [
    {
        name: 'fleet',
        title: 'Fleet',
        sources: { agents: '/api/v1/agents?limit=10000', sessions: '/api/v1/sessions' },
        lists: { agents: { rowsOf: (json) => json.agents, idOf: 'id' }, sessions: { rowsOf: (json) => json.sessions, idOf: 'id' } },
        ready: (lists) => lists.agents && lists.sessions,
        component: ({ lists, ...rest }) => <Fleet agents={lists.agents} sessions={lists.sessions} {...rest} />,
    },
];
