// Chromium as the tests want it: alone, and with nothing to fetch for itself.

import {mkdtempSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

// Where the build has put what package.json names.
const require = createRequire(join(process.env.PAGE_MODULES, 'any.js'));
const {chromium} = require('playwright-core');
export const axeSource = require.resolve('axe-core/axe.min.js');

export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), 'proxymeter-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    viewport: {width: 1440, height: 1000},
    timezoneId: 'UTC',
    locale: 'en-GB',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server',
    ],
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, {recursive: true, force: true});
    },
  };
}

/** A page at `url`, with what it asked for and complained of. */
export async function open(context, url, scheme = 'light') {
  const page = await context.newPage();
  await page.emulateMedia({colorScheme: scheme, reducedMotion: 'reduce'});
  const seen = {requests: [], complaints: []};
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') seen.complaints.push(message.text());
  });
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  await page.goto(url);
  await page.waitForSelector('.age[data-level="ok"]');
  return {page, seen};
}
