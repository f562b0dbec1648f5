// Visits URLs by proxies whose names c-ares resolves; as crawl.py:
//   node crawl.js SERVER ADDRESS HOST:PORT,HOST:PORT URL...
'use strict';
const dns = require('node:dns');
const http = require('node:http');

const [server, address, proxies, ...urls] = process.argv.slice(2);
const resolver = new dns.promises.Resolver();
resolver.setServers([server]);

function lookup(host, options, callback) {
  resolver.resolve4(host).then((found) => {
    if (!found.includes(address)) throw new Error(`${host}: ${found}`);
    callback(null, ...(options.all ? [[{address, family: 4}]] : [address, 4]));
  }).catch(callback);
}

function visit(proxy, url) {
  const [host, port] = proxy.split(':');
  const headers = {Host: new URL(url).host};
  return new Promise((resolve, reject) => {
    http.get({host, port, path: url, headers, lookup, agent: false},
             (response) => {
               let size = 0;
               response.on('data', (piece) => { size += piece.length; });
               response.on('end', () => {
                 console.log(response.statusCode, size);
                 resolve();
               });
             }).on('error', reject);
  });
}

(async () => {
  for (const url of urls) {
    for (const proxy of proxies.split(',')) await visit(proxy, url);
  }
})();
