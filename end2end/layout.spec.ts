// Layout with long names, and in narrow and low windows.

import type { BrowserContext, Page } from '@playwright/test';
import { addProject, authenticate, axe, call, expect, expectFitsWidth, open, rows, test } from './fixtures';
import type { Server } from './server';

const WIDTHS = [390, 641, 768, 901, 1024, 1280, 1920];
// Without a position where a line may break.
const NAME = 'prod_eu_central_1_'.repeat(6).slice(0, 100);

/** Creates a project that the whole organization sees, with a template of this many fields. Returns their ids. */
async function addTemplate(context: BrowserContext, server: Server, name: string, fields = 0): Promise<{ project: string; template: string }> {
  const project = await addProject(context, server, name);
  const { id: template, name: before } = await call(context, server, 'templates/create', { project });
  await call(context, server, 'templates/edit', { id: template, edit: { which: 'name', before, after: 'Read access' } });
  for (let field = 0; field < fields; field += 1) {
    await call(context, server, 'templates/add-field', { template });
  }
  return { project, template };
}

/** What cannot be seen or read: content beyond the window or the frame of a table, and cells of a few letters per line. */
function layoutProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const found = scrollWidth > clientWidth ? [`the page is ${scrollWidth}px wide`] : [];
    for (const frame of document.querySelectorAll('.table-frame')) {
      if (frame.scrollWidth > frame.clientWidth) {
        found.push(`a table is ${frame.scrollWidth}px wide in a frame of ${frame.clientWidth}px`);
      }
    }
    for (const control of document.querySelectorAll('main :is(td, article) button')) {
      const { left, right } = control.getBoundingClientRect();
      if (left < 0 || right > clientWidth) {
        found.push(`the button ${control.getAttribute('aria-label') ?? control.textContent} ends at ${right}px`);
      }
    }
    for (const cell of document.querySelectorAll('td:not(.cell-action)')) {
      const text = (cell.textContent ?? '').trim();
      if (text.length >= 4 && cell.clientWidth < 4 * Number.parseFloat(getComputedStyle(cell).fontSize)) {
        found.push(`a cell of ${cell.clientWidth}px: ${text.slice(0, 40)}`);
      }
    }
    return found;
  });
}

test('long names hide no column and no button', { tag: '@once' }, async ({ page, context, otherPage, server, owner, internalKey }) => {
  test.setTimeout(180_000);
  const long = server.addUser('member', owner.organization, `${'w'.repeat(50)} ${NAME.slice(0, 40)}`);
  await authenticate(otherPage.context(), server, long);
  const corpus = await server.api(internalKey, '/corpora', { name: NAME });
  const document = JSON.stringify({ id: NAME, title: NAME, sections: [NAME] });
  await call(context, server, 'corpora/upload', { id: corpus.id, name: 'a.jsonl', content: document });
  const key = await server.api(internalKey, '/keys', { kind: 'client', name: NAME });
  const general = await server.api(internalKey, '/credentials', { kind: 'general', name: NAME, value: 'sk-0123456789' });
  const day = Math.floor(Date.now() / 86_400_000);
  server.sql(`insert into usage_by_day (organization_id, day, key_id, requests, cost)
    select organization_id, ${day}, id, 1632895, 601761417582 from api_keys where id = '${key.key.id}'`);
  const provider = await call(context, server, 'providers/create', {
    request: { name: NAME, style: 'openai', base_url: 'https://llm.example.com/v1', key: general.credential.id },
  });
  const addModel = (request: object) => call(context, server, 'providers/create-model', { provider: provider.id, request });
  const model = await addModel({ name: NAME, key: general.credential.id });
  const other = await addModel({ name: `${NAME.slice(0, 99)}2`, upstream_name: NAME, fallbacks: [model.id] });
  const targets = [model, other].map(({ id }, index) => ({ model: id, priority: 1, weight: 1 + 998 * index }));
  await call(context, server, 'providers/create-alias', { request: { name: `${NAME.slice(0, 99)}3`, targets } });
  for (const [state, cost] of [['estimated', 601_761_417_582_000], ['unpriced', 0]]) {
    server.sql(`insert into model_usage_by_day (organization_id, day, user_id, key_id, model_id, model, provider_id, state, calls, failures,
        input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost)
      select organization_id, ${day}, id, '', 'mdl_long', '${NAME}', 'prv_1', '${state}', 1632895, 1632, 98765432100, 0, 0, 12345678900, 0, ${cost}
      from users where email = '${owner.email}'`);
  }
  const { project, template } = await addTemplate(context, server, NAME);
  await call(otherPage.context(), server, 'access-requests/create', { template });

  const paths = ['/billing', '/projects', `/projects/${project}`, `/projects/${project}/keys`, `/settings/corpora/${corpus.id}`];
  for (const path of [...paths, ...['providers', 'corpora', 'members', 'roles', 'audit', 'instances'].map((name) => `/settings/${name}`)]) {
    await open(page, path);
    await expect(page.getByRole('table').first()).toBeVisible();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      expect(await layoutProblems(page), `${path}, ${width}px wide`).toEqual([]);
    }
  }
});

test('the head of the roles is low on a phone', { tag: '@once' }, async ({ page, context, server, owner: _ }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await call(context, server, 'roles/create', { name: NAME, permissions: [] });
  await open(page, '/settings/roles');
  const table = page.getByRole('table', { name: 'Roles' });
  await expect(table.getByRole('columnheader', { name: NAME })).toContainText('0 members');
  expect((await table.getByRole('row').first().boundingBox())!.height).toBeLessThanOrEqual(110);
  // Not the row, which is wider than the phone and is scrolled sideways.
  await expect(table.getByRole('rowheader', { name: 'View Keys' })).toBeInViewport({ ratio: 0.99 });
  await axe(page, 'roles on a phone');
  await expectFitsWidth(page);
});

test('a long address fits on the page of its invitation', { tag: '@widths' }, async ({ page, context, otherPage, server, owner }) => {
  void owner;
  const { roles } = await call(context, server, 'members/list', {});
  const role = roles.find((role: { name: string }) => role.name === 'member').id;
  const email = `${'a.very.long.'.repeat(4)}name@${'subdomain'.repeat(6)}.example.com`;
  const { link } = await call(context, server, 'invitations/create', { email, role });
  await otherPage.setViewportSize(page.viewportSize()!);
  await open(otherPage, link);
  await expect(otherPage.getByText(email)).toBeVisible();
  expect(await layoutProblems(otherPage)).toEqual([]);
});

test('a list of keys can be read at 200 % zoom', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 300);
  // As 1280×800 at 200 %, and as a phone held sideways.
  for (const viewport of [
    { width: 640, height: 400 },
    { width: 844, height: 390 },
  ]) {
    await page.setViewportSize(viewport);
    await open(page, '/keys/agent');
    const list = page.getByRole('region', { name: 'Agent API Key' });
    await list.evaluate((list) => list.scrollIntoView({ block: 'end' }));
    const { y, height } = (await list.boundingBox())!;
    expect(height, 'height of the list').toBeGreaterThan(viewport.height * 0.8);
    expect(y, 'top of the list').toBeGreaterThanOrEqual(0);
    await expect(rows(page).first()).toBeInViewport({ ratio: 0.99 });
    // The list does not keep the page from scrolling back.
    await list.hover();
    await page.mouse.wheel(0, -2_000);
    await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
  }
});

test('rows grow with the text size of the browser', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 100);
  await open(page, '/keys/agent');
  const height = async () => (await rows(page).first().boundingBox())?.height;
  expect(await height()).toBe(40);
  await page.evaluate(() => (document.documentElement.style.fontSize = '24px'));
  // The list is measured again when its size changes.
  await page.setViewportSize({ width: 1280, height: 900 });
  await expect.poll(height).toBe(60);
  await expectFitsWidth(page);
});

test('most names of client keys are shown completely', { tag: '@once' }, async ({ page, server, internalKey }) => {
  for (const name of ['Checkout service', 'Mobile app, live', 'Partner: Initech', 'Reports, nightly']) {
    await server.api(internalKey, '/keys', { kind: 'client', name, scopes: ['orders:read', 'orders:write'], external_id: 'customer-0007' });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await open(page, '/keys/client');
  await expect(rows(page)).toHaveCount(4);
  const cut = await page.locator('.name-text').evaluateAll((names) => names.filter((name) => name.scrollWidth > name.clientWidth).map((name) => name.textContent));
  expect(cut).toEqual([]);
  const list = page.getByRole('region', { name: 'Client' });
  expect(await list.evaluate((list) => list.scrollWidth - list.clientWidth), 'horizontal overflow of the list').toBe(0);
});

test('the first key is near the top of the window', { tag: '@widths' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 3, 'client');
  await open(page, '/keys/client');
  const [first, list] = [(await rows(page).first().boundingBox())!, (await page.getByRole('region', { name: 'Client' }).boundingBox())!];
  expect(first.y, 'top of the first row').toBeLessThanOrEqual(250);
  expect(list.height, 'the list is as high as its rows').toBeLessThan(first.height * 5);
});

test('a phone shows six keys with the main facts', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 30, 'client');
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, '/keys/client');
  await expect(rows(page).nth(5)).toBeInViewport({ ratio: 0.99 });
  const sixth = rows(page).nth(5);
  expect((await sixth.boundingBox())!.height).toBe(80);
  await expect(sixth.getByText('Active', { exact: true })).toBeInViewport({ ratio: 0.99 });
  for (const cell of ['.key-mask', '.cell-last_used_at']) {
    await expect(sixth.locator(cell)).toBeInViewport({ ratio: 0.99 });
  }
});

test('columns and row height are chosen once', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 30, 'client');
  await open(page, '/keys/client');
  const head = (name: string) => page.getByRole('columnheader', { name, exact: true });
  const height = async () => (await rows(page).first().boundingBox())?.height;
  await expect(head('Limits')).toBeVisible();
  await page.getByRole('button', { name: 'Columns' }).click();
  const options = page.getByRole('dialog', { name: 'Columns and rows' });
  await expect(options.getByRole('checkbox', { name: 'External ID' })).toBeFocused();
  await axe(page, 'the columns');
  await options.getByRole('checkbox', { name: 'Limits' }).uncheck();
  await expect(head('Limits')).toHaveCount(0);
  await options.getByRole('radio', { name: 'Compact' }).check();
  await expect.poll(height).toBe(32);
  await page.keyboard.press('Escape');
  await expect(options).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Columns' })).toBeFocused();
  const list = page.getByRole('region', { name: 'Client' });
  expect(await list.evaluate((list) => list.scrollWidth - list.clientWidth), 'horizontal overflow of the list').toBe(0);
  // The cells stand below their heads.
  const left = async (name: string, cell: string) => [(await head(name).boundingBox())!.x, (await rows(page).first().locator(cell).boundingBox())!.x];
  const [headLeft, cellLeft] = await left('Expires', '.cell-expires_at');
  expect(cellLeft).toBe(headLeft);

  await page.reload();
  await expect(head('Limits')).toHaveCount(0);
  await expect.poll(height).toBe(32);
  await page.getByRole('tab', { name: 'Agent API Key' }).click();
  await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
});

test('times are in the language of the page', { tag: '@once' }, async ({ browser, server, owner, internalKey }) => {
  const { key } = await server.addKey(internalKey, 'nightly-build');
  const hours = 3 * 3_600_000 + 60_000;
  server.sql(`update api_keys set created_at = ${Date.now() - 400 * 86_400_000}, last_used_at = ${Date.now() - 11 * 60_000 - 5_000},
    expires_at = ${Date.now() + hours} where id = '${key.id}'`);
  const context = await browser.newContext({ locale: 'de-DE', baseURL: server.url });
  await authenticate(context, server, owner);
  const page = await context.newPage();
  await open(page, '/keys/agent');
  const row = rows(page).first();
  await expect(row.locator('.cell-last_used_at')).toHaveText('11 min. ago');
  await expect(row.locator('.cell-created_at')).toHaveText(/^[A-Z][a-z]{2} \d{1,2}, 20\d\d$/);
  await expect(row.getByText('Expires in 3 hours')).toBeVisible();
  await context.close();
});

test('rows are loaded while a list is scrolled', { tag: '@once' }, async ({ page, server, owner }) => {
  server.addManyKeys(owner, 5_000);
  await open(page, '/keys/agent');
  let requests = 0;
  page.on('request', (request) => (requests += Number(request.url().includes('/fn/keys/rows'))));
  const list = page.getByRole('region', { name: 'Agent API Key' });
  // At about 1,200 pixels per second, without a pause.
  await list.evaluate(async (list) => {
    for (let frame = 0; frame < 300; frame += 1) {
      list.scrollTop += 20;
      await new Promise(requestAnimationFrame);
    }
  });
  expect(requests).toBeGreaterThanOrEqual(2);
});

test('requests are above the templates, and buttons near their title', { tag: '@widths' }, async ({ page, context, otherPage, server, owner }) => {
  const { project, template } = await addTemplate(context, server, 'Genomics', 20);
  for (let count = 0; count < 5; count += 1) {
    await call(context, server, 'templates/create', { project });
  }
  await authenticate(otherPage.context(), server, server.addUser('member', owner.organization, 'Mia Chen'));
  await open(otherPage, `/projects/${project}`);
  const tile = otherPage.getByRole('article').filter({ hasText: '17 more fields' });
  await expect(tile.getByRole('listitem')).toHaveCount(3);
  const [title, button] = [tile.getByRole('heading'), tile.getByRole('button', { name: 'Request' })];
  const distance = async () => (await button.boundingBox())!.y - (await title.boundingBox())!.y;
  expect(await distance()).toBeLessThan(600);
  await tile.getByText('17 more fields').click();
  await expect(tile.getByRole('listitem')).toHaveCount(20);

  await call(otherPage.context(), server, 'access-requests/create', { template });
  await open(page, `/projects/${project}/keys`);
  await expect(page.getByRole('button', { name: 'Approve' })).toBeInViewport();
});
