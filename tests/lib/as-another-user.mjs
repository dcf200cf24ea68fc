// as-another-user.mjs -- run as a user who is nobody to the node: passes HTTP requests on, so that the node meets a caller
// whom it does not know.  usage: node as-another-user.mjs NODE_PORT; prints the port that it listens on.
import http from 'node:http';

const target = { host: '127.0.0.1', port: Number(process.argv[2]) };
const server = http.createServer((incoming, answer) => {
    const headers = { ...incoming.headers, host: `127.0.0.1:${target.port}` };
    const outgoing = http.request({ ...target, path: incoming.url, method: incoming.method, headers, agent: false }, (response) => {
        answer.writeHead(response.statusCode, response.headers);
        response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
