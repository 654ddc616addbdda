// What all pages share: typefaces, theme, top bar and page widths.

import type { Page } from '@playwright/test';
import { axe, expect, expectFitsWidth, open, test } from './fixtures';

const background = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
const theme = (page: Page) => page.locator('html').getAttribute('data-theme');

test.describe('the theme', () => {
  test('is chosen in the menu and kept for the next page', async ({ page, owner }) => {
    await open(page, '/keys/agent');
    const [ofSystem, scheme] = [await background(page), test.info().project.use.colorScheme];
    const other = scheme === 'dark' ? 'Light' : 'Dark';
    await page.getByRole('button', { name: owner.name }).click();
    const option = (name: string) => page.getByRole('group', { name: 'Theme' }).getByRole('menuitemradio', { name });
    await expect(option('System')).toHaveAttribute('aria-checked', 'true');
    await option(other).click();
    await expect(option(other)).toHaveAttribute('aria-checked', 'true');
    await expect(option('System')).toHaveAttribute('aria-checked', 'false');
    expect(await background(page)).not.toBe(ofSystem);
    const chosen = await background(page);
    await axe(page, `the user menu, ${other}`);
    await page.keyboard.press('Escape');

    // Written by the server, so that the page never appears in the other colors.
    const response = await page.goto('/profile');
    expect(await response?.text()).toContain(`data-theme="${other.toLowerCase()}"`);
    expect(await background(page)).toBe(chosen);
    await open(page, '/profile');
    const radio = (name: string) => page.getByRole('group', { name: 'Theme' }).getByRole('radio', { name });
    await expect(radio(other)).toBeChecked();
    await axe(page, `the profile, ${other}`);
    await page.getByRole('group', { name: 'Theme' }).getByText('System').click();
    expect(await theme(page)).toBeNull();
    expect(await background(page)).toBe(ofSystem);
    await open(page, '/profile');
    await expect(radio('System')).toBeChecked();
    expect(await theme(page)).toBeNull();
  });

  test('is followed by the sign-in page', { tag: '@once' }, async ({ page, server, context }) => {
    await context.addCookies([{ name: 'theme', value: 'dark', url: server.url }]);
    await open(page, '/sign-in');
    expect(await theme(page)).toBe('dark');
    await axe(page, 'the sign-in page in dark');
  });

  test('has stronger lines where the system asks for contrast', { tag: '@once' }, async ({ page, owner: _ }) => {
    await open(page, '/keys/agent');
    const line = () => page.getByRole('banner').evaluate((bar) => getComputedStyle(bar).borderBlockEndColor);
    const normal = await line();
    await page.emulateMedia({ contrast: 'more' });
    expect(await line()).not.toBe(normal);
    await axe(page, 'more contrast');
  });
});

test.describe('the typefaces', () => {
  test('are small, cached and loaded before they are needed', { tag: '@once' }, async ({ page, owner: _ }) => {
    const sizes = new Map<string, number>();
    page.on('response', async (response) => {
      if (response.url().endsWith('.woff2')) {
        expect(response.headers()['cache-control']).toContain('immutable');
        expect(response.headers()['content-type']).toBe('font/woff2');
        sizes.set(response.url().split('/').pop()!, (await response.body()).length);
      }
    });
    await open(page, '/api-reference');
    const loaded = () =>
      page.evaluate(() => [...document.fonts].filter(({ status }) => status === 'loaded').map(({ family }) => family.replaceAll('"', '')));
    await expect.poll(loaded).toEqual(expect.arrayContaining(['Inter Latchkey', 'JetBrains Mono Latchkey']));
    await expect.poll(() => [...sizes.keys()].sort()).toEqual(['inter.woff2', 'jetbrains-mono.woff2']);
    expect([...sizes.values()].reduce((total, size) => total + size)).toBeLessThan(60_000);
    await expect(page.locator('link[rel=preload][as=font]')).toHaveCount(1);
  });

  test('have figures of one width in tables, and no ligatures in code', { tag: '@once' }, async ({ page, owner: _ }) => {
    await open(page, '/keys/agent');
    const [tabular, plain] = await page.evaluate(async () => {
      await document.fonts.ready;
      const width = (tag: string, text: string, style: string) => {
        const element = document.body.appendChild(document.createElement(tag));
        element.style.cssText = `position: absolute; white-space: pre; ${style}`;
        element.textContent = text;
        const { width } = element.getBoundingClientRect();
        element.remove();
        return width;
      };
      const figures = ['11111111', '88888888'].map((text) => width('time', text, ''));
      const code = ['->=>!=', 'abcdef'].map((text) => width('code', text, ''));
      return [figures, code];
    });
    expect(tabular[0]).toBeCloseTo(tabular[1], 1);
    expect(plain[0]).toBeCloseTo(plain[1], 1);
  });
});

test.describe('pages', () => {
  test.use({ expectedErrors: [404] });

  test('begin at the edge of the top bar', { tag: '@once' }, async ({ page, owner: _ }) => {
    for (const width of [1280, 1920, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of ['/overview', '/keys/client', '/projects', '/billing', '/settings/members', '/profile', '/api-reference', '/nowhere/at/all']) {
        await page.goto(path);
        const edge = async (selector: string) => page.locator(selector).first().evaluate((element) => element.getBoundingClientRect().left);
        await expect(page.locator('h1')).toHaveCount(1);
        expect(await edge('h1'), `${path}, ${width}px`).toBeCloseTo(await edge('.bar-brand svg'), 0);
      }
    }
  });
});

test.describe('the top bar', () => {
  test('marks the open section', { tag: '@widths' }, async ({ page, owner: _ }) => {
    await open(page, '/keys/client');
    const link = (name: string) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name });
    const color = (name: string) => link(name).evaluate((element) => getComputedStyle(element).backgroundColor);
    await expect(link('API Keys')).toHaveAttribute('aria-current', 'page');
    expect(await color('API Keys')).not.toBe(await color('Projects'));
    await expectFitsWidth(page);
  });

  test('has its links at the lower edge of a phone', { tag: '@once' }, async ({ page, owner: _ }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open(page, '/profile');
    const links = page.getByRole('navigation', { name: 'Main' });
    const box = async () => (await links.boundingBox())!;
    const { y, height } = await box();
    expect(y + height, 'lower edge of the links').toBe(844);
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    const end = await page.locator('.page > :last-child').evaluate((last) => last.getBoundingClientRect().bottom);
    expect(end, 'end of the page').toBeLessThanOrEqual(y);
    await axe(page, 'the end of a page on a phone');
    await links.getByRole('link', { name: 'Projects', exact: true }).click();
    await expect(page).toHaveURL('/projects');

    // There they would cover too much.
    await page.setViewportSize({ width: 390, height: 400 });
    expect((await box()).y).toBeLessThan(100);
    await expectFitsWidth(page);
  });

  test('says who is signed in', { tag: '@widths' }, async ({ page, owner }) => {
    await open(page, '/keys/client');
    await expect(page.getByText(owner.email)).toHaveCount(0);
    await page.getByRole('button', { name: owner.name }).click();
    await expect(page.getByText(owner.email)).toBeVisible();
    await expect(page.getByRole('banner').getByText('Owner', { exact: true })).toBeVisible();
    await axe(page, 'the user menu');
  });
});

test('tabs that do not fit fade at the end where there are more', { tag: '@widths' }, async ({ page, owner: _ }) => {
  await open(page, '/keys/internal');
  const tabs = page.getByRole('tablist');
  const fades = () =>
    tabs.evaluate((list) => ['--fade-start', '--fade-end'].map((name) => Number.parseFloat(getComputedStyle(list).getPropertyValue(name)) > 0));
  const fits = await tabs.evaluate((list) => list.scrollWidth <= list.clientWidth);
  await expect.poll(fades).toEqual([false, !fits]);
  await tabs.evaluate((list) => list.scrollTo(list.scrollWidth, 0));
  await expect.poll(fades).toEqual([!fits, false]);
});

test('search engines may read pages, and no calls', { tag: '@once' }, async ({ page, owner: _ }) => {
  const robots = await (await page.request.get('/robots.txt')).text();
  expect(robots).not.toContain('Disallow: /\n');
  for (const path of ['/api/', '/fn/', '/gateway/', '/v1/']) {
    expect(robots).toContain(`Disallow: ${path}\n`);
  }
  await page.goto('/sign-in');
  await expect(page.locator('meta[name=description]')).toHaveAttribute('content', /API key management/);
});
