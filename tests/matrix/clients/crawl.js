// Crawls with Node's http and https modules ("agent"), with its http2 module
// ("http2"), or with fetch ("fetch").
// The modules get a proxy agent of our own, as many crawlers have: it keeps
// its connection alive. fetch gets undici's.
//
// node crawl.js agent|http2|fetch PROXY UPLOAD-FILE UPLOAD-URL URL...
// An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
// status, bytes of body, URL. Redirects are followed by fetch alone.
'use strict';

const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const tls = require('tls');

// Opens a tunnel by CONNECT; speaks TLS in it, with `options`.
function openTunnel(proxy, host, port, options, callback) {
  const target = `${host}:${port}`;
  const request = by(proxy).request({
    host: proxy.hostname,
    // It would be that of the header.
    servername: proxy.hostname,
    port: proxy.port,
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
    callback(null, tls.connect({socket, servername: host, ...options}));
  });
  request.on('error', callback);
  request.end();
}

// The module that speaks to the proxy itself.
function by(proxy) {
  return proxy.protocol === 'https:' ? https : http;
}

// Has a tunnel to each origin.
class TunnelAgent extends https.Agent {
  constructor(proxy) {
    super({keepAlive: true, maxSockets: 1});
    this.proxy = new URL(proxy);
    this.sockets_ = [];
  }

  createConnection(options, callback) {
    const {host, port} = options;
    openTunnel(this.proxy, host, port, {}, (error, secure) => {
      if (secure) this.sockets_.push(secure);
      callback(error, secure);
    });
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
  const through = by(new URL(proxy));
  const {hostname, port} = new URL(proxy);
  const plain = new through.Agent({keepAlive: true, maxSockets: 1});
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
      const place = {host: hostname, servername: hostname, port, path: url};
      request = through.request({...options, ...place, agent: plain}, receive);
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

// One session, opened by the first URL.
function http2Fetcher(proxy) {
  let session;
  const open = ({origin, hostname, port}) => new Promise((resolve, reject) => {
    const options = {ALPNProtocols: ['h2']};
    openTunnel(new URL(proxy), hostname, port, options, (error, secure) => {
      if (error) {
        reject(error);
        return;
      }
      resolve(http2.connect(origin, {createConnection: () => secure}));
    });
  });
  const fetcher = async (url, body) => {
    const parsed = new URL(url);
    session ??= await open(parsed);
    const request = session.request(
        {':method': body ? 'POST' : 'GET', ':path': parsed.pathname});
    request.end(body);
    return new Promise((resolve, reject) => {
      let status, size = 0;
      request.on('response', (headers) => { status = headers[':status']; });
      request.on('data', (data) => { size += data.length; });
      request.on('end', () => resolve([status, size]));
      request.on('error', reject);
    });
  };
  fetcher.close = () => new Promise((resolve) => session.close(resolve));
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
  const kinds =
      {agent: agentFetcher, http2: http2Fetcher, fetch: fetchFetcher};
  const fetcher = kinds[kind](proxy);
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
