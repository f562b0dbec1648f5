// Crawls with Node's http and https modules ("agent") or with fetch ("fetch"),
// each with the proxy agent that Debian packages for it.
//
// node crawl.js agent|fetch PROXY UPLOAD-FILE UPLOAD-URL URL...
// An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
// status, bytes of body, URL. Redirects are followed by fetch alone.
'use strict';

const fs = require('fs');

function agentFetcher(proxy) {
  const HttpProxyAgent = require('http-proxy-agent');
  const HttpsProxyAgent = require('https-proxy-agent');
  const agents = {
    'http:': new (HttpProxyAgent.HttpProxyAgent || HttpProxyAgent)(proxy),
    'https:': new (HttpsProxyAgent.HttpsProxyAgent || HttpsProxyAgent)(proxy),
  };
  const modules = {'http:': require('http'), 'https:': require('https')};
  return (url, body) => new Promise((resolve, reject) => {
    const {protocol} = new URL(url);
    const options = {
      agent: agents[protocol],
      method: body ? 'POST' : 'GET',
      headers: body ? {'Content-Length': body.length} : {},
    };
    const request = modules[protocol].request(url, options, (response) => {
      let size = 0;
      response.on('data', (data) => { size += data.length; });
      response.on('end', () => resolve([response.statusCode, size]));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
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
