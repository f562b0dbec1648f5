// Fetches over one connection, by CONNECT, in HTTP/1 ("http1") or HTTP/2
// ("http2").
//
// node fetch.js KIND PROXY-ADDRESS PROXY-PORT CA BASE-URL AT-ONCE PLAN
'use strict';

const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const tls = require('tls');

const [kind, address, port, ca, base, atOnce, planFile] = process.argv.slice(2);
const {hostname, host} = new URL(base);

function tunnel() {
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: address, port, method: 'CONNECT', path: host, headers: {Host: host},
      agent: false,
    });
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) resolve(socket);
      else reject(new Error(`CONNECT: ${response.statusCode}`));
    });
    request.on('error', reject);
    request.end();
  });
}

function secure(socket) {
  return new Promise((resolve, reject) => {
    const session = tls.connect({
      socket, servername: hostname, ca: fs.readFileSync(ca),
      ALPNProtocols: kind === 'http2' ? ['h2', 'http/1.1'] : ['http/1.1'],
    }, () => resolve(session));
    session.on('error', reject);
  });
}

function byHttp1(session) {
  const agent = new https.Agent({keepAlive: true, maxSockets: 1});
  agent.createConnection = () => session;
  return [
    ({method, path, size}) => new Promise((resolve, reject) => {
      const headers = size ? {'Content-Length': size} : {};
      const request = https.request(base + path, {agent, method, headers}, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
      });
      request.on('error', reject);
      request.end(size ? Buffer.alloc(size) : undefined);
    }),
    () => agent.destroy(),
  ];
}

function byHttp2(session) {
  const client = http2.connect(base, {createConnection: () => session});
  return [
    ({method, path, size}) => new Promise((resolve, reject) => {
      let status;
      const stream = client.request({':method': method, ':path': path},
                                    {endStream: !size});
      stream.on('response', (headers) => { status = headers[':status']; });
      stream.on('end', () => resolve(status));
      stream.on('error', reject);
      stream.resume();
      if (size) stream.end(Buffer.alloc(size));
    }),
    () => client.close(),
  ];
}

async function main() {
  const plan = fs.readFileSync(planFile, 'utf8').trim().split('\n').map((line) => {
    const [method, path, size] = line.split(' ');
    return {method, path, size: Number(size)};
  });
  const session = await secure(await tunnel());
  const [fetch, close] = (kind === 'http2' ? byHttp2 : byHttp1)(session);
  for (let i = 0; i < plan.length; i += Number(atOnce)) {
    const some = plan.slice(i, i + Number(atOnce));
    for (const status of await Promise.all(some.map(fetch))) console.log(status);
  }
  close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
