// The live page in a real browser. test_page.py has the collector that it asks:
// COLLECTOR_URL and COLLECTOR_PID, and EMPTY_URL, one that nobody reports to.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';

import {axeSource, launch, open} from './browser.mjs';
import * as figures from './figures.mjs';

const URL_ = process.env.COLLECTOR_URL;
const AXE = readFileSync(axeSource, 'utf8');
const HOSTILE = '<img src=x onerror=alert(1)>';
let browser;
let page;
let seen;

/** Tries again until it does not throw, or the time is over. */
async function eventually(check, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const texts = async (selector) => (await page.$$eval(selector, (list) => list.map((one) => one.textContent)));
const text = async (selector) => (await texts(selector))[0];
const destinations = () => figures.rows(page, '#destinations-table');

before(async () => {
  browser = await launch();
  ({page, seen} = await open(browser.context, URL_));
});

after(async () => {
  await browser?.close();
});

test('shows the figures of /metrics, to the last digit', async () => {
  await page.click('#exact');
  await page.selectOption('#limit', '500');
  await eventually(async () => {
    const metrics = figures.samples(await figures.fetchText(`${URL_}metrics`));
    const vendors = figures.vendorsOfMetrics(metrics);
    assert.deepEqual(Object.keys(vendors).sort(), ['alpha', 'beta', 'reported']);
    const shown = Object.fromEntries((await figures.rows(page, '#vendors')).map((row) => [row.vendor, row]));
    for (const [vendor, columns] of Object.entries(vendors)) {
      for (const [column, value] of Object.entries(columns)) {
        assert.equal(figures.figure(shown[vendor][column]), value, `${vendor} ${column}: ${shown[vendor][column]}`);
      }
    }
    const places = figures.destinationsOfMetrics(metrics);
    const rows = Object.fromEntries((await destinations()).map((row) => [`${row.vendor} ${row.destination}`, row]));
    assert.deepEqual(Object.keys(rows).sort(), Object.keys(places).sort());
    for (const [name, columns] of Object.entries(places)) {
      for (const [column, value] of Object.entries(columns)) {
        assert.equal(figures.figure(rows[name][column]), value, `${name} ${column}: ${rows[name][column]}`);
      }
    }
    // All of it is something.
    assert.ok(vendors.alpha.requests >= 40 && vendors.alpha.cost > 0 && vendors.alpha.responses_5xx > 0);
    assert.ok(vendors.beta.connections_bad > 0 && vendors.beta.proxy_errors > 0);
    const ratio = metrics.find((s) => s.name === 'proxymeter_coverage_ratio' && s.labels.proxy_vendor === 'beta').value;
    assert.ok(ratio > 0 && ratio < 1);
    assert.equal(shown.beta.coverage, `${(Math.floor(ratio * 1000) / 10).toFixed(1)}%`);
    assert.equal(shown.alpha.coverage, '100%');
  });
  await page.click('#exact');
  await page.selectOption('#limit', '25');
});

test('sums up what the tables show', async () => {
  await eventually(async () => {
    const rows = await figures.rows(page, '#vendors');
    const total = rows.reduce((sum, row) => sum + figures.figure(row.requests), 0);
    assert.equal(figures.figure(await page.$eval('#summary .tile:nth-child(1) .total', (e) => e.title)), total);
    for (const tile of await texts('#summary .big')) assert.match(tile, /\d/);
  });
});

test('a hostile name is text', async () => {
  await page.fill('#search', 'IMG');
  await eventually(async () => assert.deepEqual((await destinations()).map((row) => row.destination), [HOSTILE]));
  assert.equal(await page.$$eval('img', (list) => list.length), 0);
  assert.equal(await page.$eval('#destinations-table tbody th', (cell) => cell.title), HOSTILE);
});

test('says what is inferred, and what the kernel alone told', async () => {
  await page.fill('#search', 'inferred.');
  await eventually(async () => {
    const [row, ...more] = await destinations();
    assert.equal(more.length, 0);
    assert.equal(row.requests, '≈ 7');
    assert.equal(row.read, 'inferred');
  });
  await page.fill('#search', '_unknown');
  await eventually(async () => assert.ok((await destinations()).some((row) => row.vendor === 'beta' && row.read === 'kernel alone')));
});

test('searches, and says how many it found', async () => {
  await page.fill('#search', 'd01');
  await eventually(async () => assert.equal((await destinations()).length, 10));
  await eventually(async () => assert.match(await text('#said'), /^Destinations: 1–10 of 10 \(all: \d+\)$/));
  await page.fill('#search', 'no such place');
  await eventually(async () => assert.equal((await destinations()).length, 0));
  assert.ok(await page.isVisible('text=No destination matches.'));
  await page.fill('#search', '');
  await eventually(async () => assert.equal((await destinations()).length, 25));
});

test('sorts by keyboard alone, and says how', async () => {
  const button = page.locator('#destinations-table th button', {hasText: 'Requests'});
  const head = page.locator('#destinations-table th').filter({hasText: 'Requests'});
  await button.focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Shift+Tab'); // as who has no pointer comes
  const outline = await button.evaluate((e) => getComputedStyle(e).outlineStyle);
  assert.notEqual(outline, 'none');
  const inOrder = (list, sign) => list.every((value, i) => i === 0 || (value - list[i - 1]) * sign >= 0);
  for (const [direction, sign] of [['descending', -1], ['ascending', 1]]) {
    await page.keyboard.press('Enter');
    await eventually(async () => {
      assert.equal(await head.getAttribute('aria-sort'), direction);
      const values = (await destinations()).map((row) => figures.figure(row.requests));
      assert.ok(inOrder(values, sign), `${direction}: ${values}`);
      assert.notEqual(values[0], values.at(-1));
    });
    assert.ok(await button.evaluate((e) => e === document.activeElement), 'focus was lost');
  }
  assert.equal(await page.locator('#destinations-table [aria-sort]').count(), 1);
  await page.locator('#vendors th button', {hasText: 'Vendor'}).press('Space');
  await eventually(async () => assert.deepEqual((await figures.rows(page, '#vendors')).map((row) => row.vendor), ['alpha', 'beta', 'reported']));
});

test('everything is reached by Tab, first a way past the rest', async () => {
  await page.reload();
  await page.waitForSelector('#vendors .pick');
  const met = [];
  for (let i = 0; i < 80; i += 1) {
    await page.keyboard.press('Tab');
    met.push(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim()));
    if (met.at(-1) === 'Destination') break;
  }
  assert.equal(met[0], 'Skip to destinations');
  for (const name of ['exact', 'pause', 'search', 'vendor', 'limit', 'next', 'alpha', 'beta', 'Requests, total', 'Destination']) {
    assert.ok(met.includes(name), `${name} is not among ${met}`);
  }
});

test('turns pages', async () => {
  const first = (await destinations())[0].destination;
  await page.click('#next');
  await eventually(async () => assert.match(await text('#range'), /^26–50 of \d+$/));
  await eventually(async () => assert.notEqual((await destinations())[0].destination, first));
  await page.click('#previous');
  await eventually(async () => assert.equal((await destinations())[0].destination, first));
});

test('shows one vendor in detail, and keeps that in the address', async () => {
  const pick = page.locator('#vendors button.pick', {hasText: 'beta'});
  await pick.press('Enter');
  await eventually(async () => assert.ok((await destinations()).every((row) => row.vendor === 'beta')));
  assert.equal(await pick.getAttribute('aria-pressed'), 'true');
  const parts = await text('#detail');
  for (const word of ['connect refused', 'not preloaded', 'Durations']) assert.ok(parts.includes(word), `${word} is not in ${parts}`);
  const address = page.url();
  assert.match(address, /#.*vendor=beta/);
  const other = await open(browser.context, address);
  assert.equal(await other.page.$eval('#vendor', (e) => e.value), 'beta');
  assert.deepEqual(other.seen.complaints, []);
  await other.page.close();
  await pick.press('Enter');
  await eventually(async () => assert.ok(await page.$eval('#detail', (e) => e.hidden)));
});

test('draws charts, tells them in words and as a table', async () => {
  await eventually(async () => assert.match(await text('.chart .told'), /^now .* · average .* · peak .* at \d\d:\d\d:\d\d$/));
  const drawn = await page.$$eval('.chart canvas', (list) =>
    list.map((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0)));
  assert.deepEqual(drawn, [true, true, true]);
  await page.locator('summary').press('Enter');
  await eventually(async () => assert.ok((await texts('#minutes tbody tr')).length > 0));
  await page.locator('summary').press('Enter');
});

test('has nothing that hinders who cannot see it', async () => {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({colorScheme: scheme, reducedMotion: 'reduce'});
    await page.locator('#vendors button.pick', {hasText: 'beta'}).press('Enter');
    await page.waitForSelector('#detail table');
    // The page itself lets no script in; the browser's own world is another.
    const checker = await browser.context.newCDPSession(page);
    const {frameTree} = await checker.send('Page.getFrameTree');
    const {executionContextId} = await checker.send('Page.createIsolatedWorld', {frameId: frameTree.frame.id, worldName: 'axe'});
    const run = async (expression) => {
      const {result, exceptionDetails} = await checker.send('Runtime.evaluate', {expression, contextId: executionContextId, awaitPromise: true, returnByValue: true});
      assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
      return result.value;
    };
    await run(AXE);
    const found = await run('axe.run().then((r) => ({passes: r.passes.length, wrong: r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html).join(" | "))}))');
    assert.deepEqual(found.wrong, [], scheme);
    assert.ok(found.passes > 20);
    await checker.detach();
    await page.locator('#vendors button.pick', {hasText: 'beta'}).press('Enter');
  }
});

test('asks nothing while paused', async () => {
  await page.click('#pause');
  await eventually(async () => assert.match(await text('#age'), /^paused/));
  await page.waitForTimeout(500); // an answer may be on its way
  const asked = seen.requests.length;
  await page.waitForTimeout(2500); // longer than the pause between two rounds
  assert.equal(seen.requests.length, asked);
  await page.click('#pause');
  await eventually(async () => assert.ok(seen.requests.length > asked));
});

test('stays where it is once it has figures', async () => {
  const shift = await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const late = list.getEntries().filter((entry) => entry.startTime > 3000 && !entry.hadRecentInput);
      resolve(late.reduce((sum, entry) => sum + entry.value, 0));
    }).observe({type: 'layout-shift', buffered: true});
    setTimeout(() => resolve(0), 1000);
  }));
  assert.ok(shift < 0.02, `shifted by ${shift}`);
});

test('asked nobody but its collector, and complained of nothing', async () => {
  assert.deepEqual(seen.complaints, []);
  assert.deepEqual(seen.requests.filter((url) => !url.startsWith(URL_)), []);
  const files = [...new Set(seen.requests.filter((url) => !url.includes('/api/')).map((url) => url.split('#')[0]))];
  let bytes = 0;
  for (const file of files) bytes += Buffer.byteLength(await figures.fetchText(file));
  assert.ok(files.length >= 4 && bytes < 200_000, `${bytes} bytes in ${files}`);
});

test('says when there is nothing yet', async () => {
  const empty = await open(browser.context, process.env.EMPTY_URL);
  assert.equal(await empty.page.textContent('#vendors + .empty'), 'No vendor has had traffic yet.');
  assert.equal(await empty.page.textContent('#destinations-table + .empty'), 'No traffic yet.');
  assert.equal(await empty.page.$eval('#banner', (e) => e.hidden), true);
  assert.deepEqual(empty.seen.complaints, []);
  await empty.page.close();
});

test('says when the collector does not answer, and goes on when it does', async () => {
  const pid = Number(process.env.COLLECTOR_PID);
  const before_ = await figures.rows(page, '#vendors');
  process.kill(pid, 'SIGSTOP');
  try {
    await page.waitForSelector('#banner:not([hidden])');
    await eventually(async () => assert.match(await text('#banner-text'), /^The collector does not answer since \d\d:\d\d:\d\d\. The figures below are of then\.$/));
    await eventually(async () => assert.match(await text('#banner-next'), /^Next try in \d+ s\.$/));
    assert.equal(await page.$eval('body', (e) => e.dataset.stale), 'true');
    assert.match(await text('#age'), /old$/);
    const stale = await figures.rows(page, '#vendors');
    assert.deepEqual(stale.map((row) => row.requests), before_.map((row) => row.requests));
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await page.click('#retry');
  await eventually(async () => assert.equal(await page.$eval('#banner', (e) => e.hidden), true));
  assert.equal(await page.$eval('body', (e) => e.dataset.stale), undefined);
});
