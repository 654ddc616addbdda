// The documentation: static pages that need no account.

import type { Page } from '@playwright/test';
import { axe, expect, expectFitsWidth, open, test } from './fixtures';

const background = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
const search = (page: Page) => page.getByRole('searchbox', { name: 'Search' });
const results = (page: Page) => page.getByRole('search').getByRole('listitem');
const navigation = (page: Page) => page.getByRole('navigation', { name: 'Documentation' });

// On a narrow screen the navigation is behind a button.
async function openNavigation(page: Page): Promise<void> {
  const menu = page.getByRole('button', { name: 'Menu' });
  if (await menu.isVisible()) {
    await menu.click();
  }
  await expect(navigation(page)).toBeVisible();
}

test('leads from the start page through the documents', async ({ page }) => {
  await open(page, '/docs');
  await expect(page.getByRole('heading', { name: 'Documentation', level: 1 })).toBeVisible();
  await axe(page, 'the start page');
  await expectFitsWidth(page);

  await page.getByRole('main').getByRole('link', { name: /^Getting started/ }).click();
  await expect(page).toHaveURL('/docs/getting-started');
  await expect(page).toHaveTitle('Getting started · Latchkey docs');
  await axe(page, 'a document');
  await expectFitsWidth(page);

  await page.getByRole('navigation', { name: 'Previous and next page' }).getByRole('link', { name: 'Next Keys' }).click();
  await expect(page).toHaveURL('/docs/keys');
  await openNavigation(page);
  await expect(navigation(page).getByRole('link', { name: 'Keys', exact: true })).toHaveAttribute('aria-current', 'page');
  await axe(page, 'the navigation');
  await navigation(page).getByRole('link', { name: 'Operating' }).click();
  await expect(page.getByRole('heading', { name: 'Operating Latchkey', level: 1 })).toBeVisible();
  await expectFitsWidth(page);

  await page.getByRole('link', { name: 'Open Latchkey' }).click();
  await expect(page).toHaveURL(/\/(setup|sign-in)$/);
});

test('is found in the user menu', async ({ page, owner }) => {
  await open(page, '/keys/client');
  await page.getByRole('button', { name: owner.name }).click();
  await page.getByRole('menuitem', { name: 'Docs' }).click();
  await expect(page).toHaveURL('/docs');
  await open(page, '/keys/client');
  await page.getByRole('link', { name: 'Read the docs' }).click();
  await expect(page).toHaveURL('/docs/keys');
  await page.getByRole('link', { name: 'Open Latchkey' }).click();
  await expect(page).toHaveURL('/overview');
});

test('search finds words in all documents', async ({ page }) => {
  await open(page, '/docs/keys');
  await page.keyboard.press('/');
  await expect(search(page)).toBeFocused();
  await page.keyboard.type('sliding window');
  await expect(page.getByRole('status').filter({ hasText: /^\d+ results?$/ })).toBeVisible();
  await expect(results(page).first()).toContainText('Limits');
  await expect(results(page).first().locator('mark').first()).toHaveText(/sliding|window/i);
  await axe(page, 'results');
  await expectFitsWidth(page);
  await page.keyboard.press('ArrowDown');
  await expect(results(page).first().getByRole('link')).toBeFocused();
  await page.keyboard.press('ArrowUp');
  await expect(search(page)).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL('/docs/api#limits');
  await expect(page.getByRole('heading', { name: 'Limits', exact: true })).toBeInViewport();

  await search(page).fill('xylophone');
  await expect(page.getByText('No results for “xylophone”')).toBeVisible();
  await axe(page, 'no results');
  await page.keyboard.press('Escape');
  await expect(page.getByText('No results')).toBeHidden();
  await expect(search(page)).toBeFocused();
  await search(page).fill('<b>x');
  await expect(page.getByText('No results for “<b>x”')).toBeVisible();
});

test.describe('without the search index', () => {
  test.use({ expectedErrors: [404] });

  test('the search says so and tries again', { tag: '@once' }, async ({ page }) => {
    await page.route('**/docs.json', (route) => route.fulfill({ status: 404 }));
    await open(page, '/docs');
    await search(page).fill('backup');
    await expect(page.getByText('The search could not be loaded. Try again.')).toBeVisible();
    await page.unroute('**/docs.json');
    await search(page).fill('backup a');
    await expect(results(page).first()).toBeVisible();
  });
});

test('code is copied', { tag: '@once' }, async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page, '/docs/getting-started');
  await page.getByRole('button', { name: 'Copy' }).nth(1).click();
  await expect(page.getByRole('status').filter({ hasText: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('latchkey serve');
});

test('a heading links to itself, and the outline marks it', { tag: '@once' }, async ({ page }) => {
  await open(page, '/docs/operating');
  const outline = page.getByRole('navigation', { name: 'On this page' });
  await outline.getByRole('link', { name: 'Metrics', exact: true }).click();
  await expect(page).toHaveURL('/docs/operating#metrics');
  await expect(page.getByRole('heading', { name: 'Metrics', exact: true })).toBeInViewport();
  await expect(outline.getByRole('link', { name: 'Metrics', exact: true })).toHaveAttribute('aria-current', 'true');
  await expect(outline.locator('[aria-current]')).toHaveCount(1);
  await page.getByRole('heading', { name: 'Logs', exact: true }).getByRole('link').click();
  await expect(page).toHaveURL('/docs/operating#logs');
});

test('follows the theme from the first paint on', async ({ page, server, context }) => {
  await open(page, '/docs/api');
  const ofSystem = await background(page);
  const other = test.info().project.use.colorScheme === 'dark' ? 'light' : 'dark';
  await context.addCookies([{ name: 'theme', value: other, url: server.url }]);
  const response = await page.goto('/docs/api');
  expect(await response?.text()).toContain(`<html data-theme="${other}" `);
  expect(await background(page)).not.toBe(ofSystem);
  await axe(page, `a document, ${other}`);
});

test.describe('an unknown page', () => {
  test.use({ expectedErrors: [404] });

  test('leads to the others', async ({ page }) => {
    for (const path of ['/docs/nowhere', '/docs/404', '/docs/building', '/docs/api.html', '/docs/api/']) {
      expect((await page.goto(path))?.status(), path).toBe(404);
      await expect(page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
    }
    await axe(page, 'an unknown page');
    await expectFitsWidth(page);
    await page.getByRole('link', { name: 'all pages' }).click();
    await expect(page).toHaveURL('/docs');
  });
});

test('every link leads to a page, a heading or a file', { tag: '@once' }, async ({ page }) => {
  const ids = new Map<string, string[]>();
  const links: [from: string, to: string][] = [['', '/docs']];
  for (const [from, to] of links) {
    const [path, id] = to.split('#');
    if (!ids.has(path)) {
      const response = await page.request.get(path);
      expect(response.status(), `${from}: ${to}`).toBe(200);
      const text = await response.text();
      const isPage = response.headers()['content-type'].startsWith('text/html');
      ids.set(path, isPage ? [...text.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]) : []);
      const targets = isPage ? [...text.matchAll(/ (?:href|src)="([^"]+)"/g)].map((match) => match[1]) : [];
      const own = targets.filter((target) => /^(#|\/(docs|pkg|favicon))/.test(target));
      links.push(...own.map((target): [string, string] => [path, target.startsWith('#') ? path + target : target]));
    }
    expect(!id || ids.get(path)!.includes(id), `${from}: ${to}`).toBe(true);
  }
  for (const path of ['/docs/getting-started', '/docs/security', '/docs/proxies/nginx.conf', '/favicon.svg']) {
    expect([...ids.keys()]).toContain(path);
  }
});

test('pages are small, cached and protected', { tag: '@once' }, async ({ page, server, context }) => {
  await open(page, '/docs/api');
  const get = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers, redirect: 'manual' });
  const plain = await get('/docs/api', { 'accept-encoding': 'br' });
  expect(plain.status).toBe(200);
  expect(plain.headers.get('content-encoding')).toBe('br');
  expect(plain.headers.get('cache-control')).toBe('no-cache');
  const policy = plain.headers.get('content-security-policy');
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('unsafe');
  const tag = plain.headers.get('etag')!;
  const known = await get('/docs/api', { 'if-none-match': tag });
  expect(known.status).toBe(304);
  expect(known.headers.get('content-security-policy'), 'the browser keeps the new headers').toBe(policy);
  // The theme is a part of the page.
  const dark = await get('/docs/api', { 'if-none-match': tag, cookie: 'theme=dark', 'accept-encoding': 'gzip' });
  expect(dark.status).toBe(200);
  expect(dark.headers.get('content-encoding')).toBe('gzip');
  expect(dark.headers.get('etag')).not.toBe(tag);

  const config = await get('/docs/proxies/nginx.conf');
  expect(config.headers.get('content-type')).toContain('text/plain');
  const script = await page.locator('script[src]').getAttribute('src');
  expect((await get(script!)).headers.get('cache-control')).toContain('immutable');
  await expect(page.locator('meta[name=description]')).toHaveAttribute('content', /REST API/);
  expect(await (await get('/robots.txt')).text()).not.toContain('Disallow: /docs');
  expect(await context.cookies(), 'no session').toEqual([]);
});
