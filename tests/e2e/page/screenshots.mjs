// Pictures for the documentation: node screenshots.mjs URL FOLDER.

import {launch, open} from './browser.mjs';

const [url, folder] = process.argv.slice(2);
const browser = await launch();
try {
  for (const scheme of ['light', 'dark']) {
    const {page} = await open(browser.context, url, scheme);
    // Rates need two readings, and latencies some more.
    await page.waitForSelector('#vendors tbody td:nth-child(12):not([data-level="none"])', {timeout: 60_000});
    await page.waitForTimeout(8000);
    await page.screenshot({path: `${folder}/live-page-${scheme}.png`});
    await page.close();
  }
} finally {
  await browser.close();
}
