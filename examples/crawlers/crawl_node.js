#!/usr/bin/env node
// A small crawler: Node's http and https modules through an HTTP proxy.
//
//   crawl_node.js --proxy URL [--ca FILE] [--fresh] [--upload FILE --to URL] URL...
//
// Connections and tunnels are kept alive; --fresh takes a new one for each
// request, for proxies that close theirs unannounced. Prints one line per URL:
// method, status, bytes of body, URL. Redirects are shown, not followed.
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');
const {parseArgs} = require('util');

// Asks the proxy for a tunnel by CONNECT, and has TLS spoken in it.
class TunnelAgent extends https.Agent {
  constructor(proxy, options) {
    super(options);
    this.proxy = proxy;
  }

  createConnection(options, callback) {
    const target = `${options.host}:${options.port}`;
    const connect = http.request({
      host: this.proxy.hostname,
      port: this.proxy.port,
      method: 'CONNECT',
      path: target,
      headers: {Host: target},
      agent: false,
    });
    connect.on('connect', (response, socket) => {
      if (response.statusCode === 200) {
        callback(null, super.createConnection({...options, socket}));
      } else {
        callback(new Error(`${target}: the proxy answers ${response.statusCode}`));
      }
    });
    connect.on('error', callback);
    connect.end();
  }
}

class Crawler {
  constructor(proxy, ca, fresh) {
    this.proxy = proxy;
    const keeping = {keepAlive: !fresh, maxSockets: 4};
    this.plain = new http.Agent(keeping);
    this.tunnels = new TunnelAgent(proxy, {...keeping, ca});
  }

  request(method, url, length, callback) {
    const {protocol, host, hostname} = new URL(url);
    const headers = length === undefined ? {} : {'Content-Length': length};
    if (protocol === 'https:') {
      const options = {method, headers, agent: this.tunnels, servername: hostname};
      return https.request(url, options, callback);
    }
    return http.request({
      method,
      host: this.proxy.hostname,
      port: this.proxy.port,
      path: url,
      headers: {...headers, Host: host},
      agent: this.plain,
    }, callback);
  }

  fetch(method, url, body) {
    return new Promise((resolve, reject) => {
      const request = this.request(method, url, body?.length, (response) => {
        let size = 0;
        response.on('data', (data) => { size += data.length; });
        response.on('error', reject);
        response.on('end', () => {
          console.log(method, response.statusCode, size, url);
          resolve();
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  close() {
    this.plain.destroy();
    this.tunnels.destroy();
  }
}

async function main() {
  const {values, positionals} = parseArgs({
    options: {
      proxy: {type: 'string'},
      ca: {type: 'string'},
      fresh: {type: 'boolean', default: false},
      upload: {type: 'string'},
      to: {type: 'string'},
    },
    allowPositionals: true,
  });
  if (!values.proxy || positionals.length === 0) {
    throw new Error('give --proxy URL, and URLs to fetch');
  }
  const ca = values.ca && fs.readFileSync(values.ca);
  const crawler = new Crawler(new URL(values.proxy), ca, values.fresh);
  for (const method of ['GET', 'HEAD']) {
    await Promise.all(positionals.map((url) => crawler.fetch(method, url)));
  }
  if (values.upload) {
    await crawler.fetch('POST', values.to, fs.readFileSync(values.upload));
  }
  crawler.close();
}

main().catch((error) => {
  console.error(`crawl_node.js: ${error.message}`);
  process.exitCode = 1;
});
