// Crawls with Node's http and https modules ("agent") or with fetch ("fetch").
// The modules get a proxy agent of our own, as many crawlers have: it keeps
// its connection alive. fetch gets undici's.
//
// node crawl.js agent|fetch PROXY UPLOAD-FILE UPLOAD-URL URL...
// An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
// status, bytes of body, URL. Redirects are followed by fetch alone.
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');
const tls = require('tls');

// Opens a tunnel to each origin by CONNECT, and speaks TLS in it.
class TunnelAgent extends https.Agent {
  constructor(proxy) {
    super({keepAlive: true, maxSockets: 1});
    this.proxy = new URL(proxy);
    this.sockets_ = [];
  }

  createConnection(options, callback) {
    const target = `${options.host}:${options.port}`;
    const request = http.request({
      host: this.proxy.hostname,
      port: this.proxy.port,
      method: 'CONNECT',
      path: target,
      headers: {Host: target},
      agent: false,
    });
    request.on('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        callback(new Error(`CONNECT: ${response.statusCode}`));
        return;
      }
      const secure = tls.connect({socket, servername: options.host});
      this.sockets_.push(secure);
      callback(null, secure);
    });
    request.on('error', callback);
    request.end();
  }

  // Takes leave and waits for the other side's: a process that ends before
  // leaves to chance how much of it has arrived.
  close() {
    return Promise.all(this.sockets_.map((socket) => new Promise((resolve) => {
      if (socket.destroyed) {
        resolve();
        return;
      }
      socket.on('close', resolve);
      socket.resume();
      socket.end();
    })));
  }
}

function agentFetcher(proxy) {
  const {hostname, port} = new URL(proxy);
  const plain = new http.Agent({keepAlive: true, maxSockets: 1});
  const tunnel = new TunnelAgent(proxy);
  const fetcher = (url, body) => new Promise((resolve, reject) => {
    const {protocol, host} = new URL(url);
    const options = {
      method: body ? 'POST' : 'GET',
      headers: body ? {'Content-Length': body.length} : {},
    };
    const receive = (response) => {
      let size = 0;
      response.on('data', (data) => { size += data.length; });
      response.on('end', () => resolve([response.statusCode, size]));
      response.on('error', reject);
    };
    let request;
    if (protocol === 'https:') {
      request = https.request(url, {...options, agent: tunnel}, receive);
    } else {
      options.headers.Host = host;
      request = http.request(
          {...options, host: hostname, port, path: url, agent: plain}, receive);
    }
    request.on('error', reject);
    request.end(body);
  });
  fetcher.close = () => {
    plain.destroy();
    return tunnel.close();
  };
  return fetcher;
}

function fetchFetcher(proxy) {
  const {fetch, ProxyAgent} = require('undici');
  const dispatcher = new ProxyAgent(proxy);
  const fetcher = async (url, body) => {
    const response =
        await fetch(url, {dispatcher, method: body ? 'POST' : 'GET', body});
    return [response.status, (await response.arrayBuffer()).byteLength];
  };
  fetcher.close = () => dispatcher.close();
  return fetcher;
}

async function main() {
  const [kind, proxy, file, target, ...urls] = process.argv.slice(2);
  const fetcher = (kind === 'fetch' ? fetchFetcher : agentFetcher)(proxy);
  for (const url of urls) {
    console.log('GET', ...await fetcher(url), url);
  }
  if (file) {
    console.log('POST', ...await fetcher(target, fs.readFileSync(file)), target);
  }
  if (fetcher.close) await fetcher.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
