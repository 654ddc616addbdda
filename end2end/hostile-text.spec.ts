// Hostile text in every text field: it is rejected at its field or shown literally, and no script runs.

import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expect, open, rows, test } from './fixtures';
import type { Server } from './server';

// Runs if any of the strings is executed; see `watch`.
const SCRIPT = 'hostile=1';

const MARKUP = [
  `<script>${SCRIPT}</script>`,
  `</script><script>${SCRIPT}</script>`,
  `</title><script>${SCRIPT}</script>`,
  `</textarea><script>${SCRIPT}</script>`,
  `</style><script>${SCRIPT}</script>`,
  `--><script>${SCRIPT}</script>`,
  `]]><script>${SCRIPT}</script>`,
  `<ScRiPt>${SCRIPT}</sCrIpT>`,
  `<scr<script>ipt>${SCRIPT}</script>`,
  `<script src=//example.com></script>`,
  ...['error', 'load', 'click', 'focus', 'mouseover'].map((event) => `<img src=x on${event}=${SCRIPT}>`),
  ...['svg', 'body', 'iframe', 'object', 'video', 'style'].map((tag) => `<${tag} onload=${SCRIPT}>`),
  `<svg><script>${SCRIPT}</script></svg>`,
  `<svg/onload=${SCRIPT}>`,
  `<math><mtext></p><style><img src=x onerror=${SCRIPT}>`,
  `<details open ontoggle=${SCRIPT}>`,
  `<input autofocus onfocus=${SCRIPT}>`,
  `<a href="javascript:${SCRIPT}">a</a>`,
  `<iframe src="javascript:${SCRIPT}">`,
  `<iframe srcdoc="<script>${SCRIPT}</script>">`,
  `<form action="javascript:${SCRIPT}"><button>`,
  `<meta http-equiv=refresh content="0;url=//example.com">`,
  `<base href=//example.com/>`,
  `<link rel=stylesheet href=//example.com>`,
  '<style>*{display:none}</style>',
  '<b>bold</b>',
  '<!-- comment',
  '&lt;b&gt;',
  '&#60;script&#62;',
  '<plaintext>',
  '<![CDATA[x]]>',
];

const ATTRIBUTES = [
  `" onmouseover="${SCRIPT}`,
  `' onmouseover='${SCRIPT}`,
  `" autofocus onfocus=${SCRIPT} x="`,
  `"><img src=x onerror=${SCRIPT}>`,
  `'><img src=x onerror=${SCRIPT}>`,
  '` onmouseover=`hostile=1',
  `x style=animation-name:x onanimationstart=${SCRIPT}`,
];

const TEMPLATES = [
  '{{7*7}}',
  '${hostile=1}',
  '#{7*7}',
  '<%= 7*7 %>',
  '{% include "x" %}',
  '{{constructor.constructor("hostile=1")()}}',
  '%s%s%s%n',
  '$(id)',
  '`id`',
  '; rm -rf /',
  "'; drop table api_keys; --",
  '" or 1=1 --',
  '%27%20or%201=1',
  '../../etc/passwd',
  '..\\..\\windows',
  '\\',
  "'",
  '"',
  '%',
  '_',
];

const SCHEMES = [`javascript:${SCRIPT}`, `JaVaScRiPt:${SCRIPT}`, `data:text/html,<script>${SCRIPT}</script>`, 'vbscript:x', 'file:///etc/passwd', '//example.com'];

const FORMULAS = ['=1+1', '+1+1', '-1+1', '@SUM(A1)', '=cmd|"/c calc"!A1', '=HYPERLINK("//example.com")', '\t=1+1'];

const UNICODE = [
  'gnp.exe\u202etxt',
  '\u2066isolate\u2069',
  '\u200f\u05d0\u05d1',
  'null\u0000byte',
  'bell\u0007',
  'escape\u001b[31mred',
  'line\r\nset-cookie: a=b',
  'line\nfeed',
  'line\u2028separator',
  'zero\u200bwidth',
  '\ufeffmark',
  'e\u0301'.repeat(20),
  `Z${'\u0300\u0316'.repeat(40)}`,
  '👩‍👩‍👧‍👦 family',
  '𝕳𝖔𝖘𝖙𝖎𝖑𝖊',
  '𠜎𠜱𠝹',
  'ﷺ'.repeat(50),
  '＜script＞',
  'ADMIN\u00a0',
  '\ud83c\udff4\u{e0067}\u{e007f}',
  'x'.repeat(100),
  'W'.repeat(101),
  'long '.repeat(1000),
];

const STRINGS = [...MARKUP, ...ATTRIBUTES, ...TEMPLATES, ...SCHEMES, ...FORMULAS, ...UNICODE];

test.use({ expectedErrors: [400, 401, 404, 409, 413, 422] });

/** Records dialogs of scripts, and returns a check that no string was executed or became an element in the current page. */
function watch(page: Page): () => Promise<void> {
  const dialogs: string[] = [];
  page.on('dialog', async (dialog) => {
    if (dialog.type() === 'beforeunload') {
      await dialog.accept();
    } else {
      dialogs.push(dialog.message());
      await dialog.dismiss();
    }
  });
  return async () => {
    const found = await page.evaluate(() => ({
      executed: 'hostile' in globalThis,
      elements: [...document.querySelectorAll('img, iframe, object, video, math, plaintext, base, [onload], [onerror], [onfocus], [onmouseover], [href^="javascript:" i]')].map(
        (element) => element.outerHTML,
      ),
    }));
    expect({ ...found, dialogs }).toEqual({ executed: false, elements: [], dialogs: [] });
  };
}

/** The status and the body of a server function's response. */
async function callFunction(context: BrowserContext, server: Server, name: string, data: unknown): Promise<{ status: number; body: any }> {
  const cookie = (await context.cookies(server.url)).map((each) => `${each.name}=${each.value}`).join('; ');
  const response = await fetch(`${server.url}/fn/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: server.url, cookie },
    body: JSON.stringify(data),
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

async function callApi(server: Server, key: string, path: string, data: unknown): Promise<{ status: number; body: any }> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify(data),
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

type Send = (text: string) => Promise<{ status: number; body: any }>;

/** Sends every string, some at a time. Each must be accepted, or rejected at this field. Returns the bodies of the accepted ones. */
async function sendAll(field: string, send: Send, atOnce = 8): Promise<any[]> {
  const accepted: any[] = [];
  for (let first = 0; first < STRINGS.length; first += atOnce) {
    await Promise.all(
      STRINGS.slice(first, first + atOnce).map(async (text) => {
        const { status, body } = await send(text);
        const shown = `${field} ${JSON.stringify(text.slice(0, 80))}: ${status} ${JSON.stringify(body)?.slice(0, 200)}`;
        if (status < 300) {
          accepted.push(body);
        } else {
          expect([409, 422], shown).toContain(status);
          expect(body?.field, shown).toContain(field);
        }
      }),
    );
  }
  expect(accepted.length, `accepted strings in ${field}`).toBeGreaterThan(0);
  return accepted;
}

/** Line breaks differ between JSON and HTML. */
const normalized = (text: string) => text.replace(/\r\n?/g, '\n');

/** Opens a page and expects these texts in it, literally. */
async function expectShown(page: Page, path: string, texts: string[], expectHarmless: () => Promise<void>): Promise<void> {
  await open(page, path);
  const missing = async () => {
    const shown = normalized((await page.getByRole('main').textContent()) ?? '');
    return texts.filter((text) => !shown.includes(normalized(text)));
  };
  await expect.poll(missing, { message: `texts on ${path}` }).toEqual([]);
  await expectHarmless();
}

test('hostile text that is sent over the API is shown literally', { tag: '@once' }, async ({ page, context, server, owner, internalKey }) => {
  test.setTimeout(180_000);
  expect(owner.email).toBeTruthy();
  expect(STRINGS.length).toBeGreaterThanOrEqual(100);
  const expectHarmless = watch(page);
  // So tall that all rows of a list are in the page.
  await page.setViewportSize({ width: 1280, height: 16_000 });
  const api = (path: string, data: unknown) => callApi(server, internalKey, path, data);
  const call = (name: string, data: unknown) => callFunction(context, server, name, data);
  const create = async (name: string, data: unknown): Promise<any> => {
    const { status, body } = await call(name, data);
    expect(status, `${name}: ${JSON.stringify(body)}`).toBe(200);
    return body;
  };

  // Every text field of the REST API.
  const key = (field: object) => ({ kind: 'client', name: 'a key', ...field });
  const clientKeys = await sendAll('name', (name) => api('/keys', { kind: 'client', name }));
  const corpora = await sendAll('name', (name) => api('/corpora', { name }));
  const general = await sendAll('name', (name) => api('/credentials', { kind: 'general', name, value: 'sk-0123456789' }));
  await sendAll('name', (name) => api('/keys', { kind: 'agent', name }));
  await sendAll('scopes', (scope) => api('/keys', key({ scopes: [scope] })));
  await sendAll('external_id', (external_id) => api('/keys', key({ external_id })));
  await sendAll('metadata', (text) => api('/keys', key({ metadata: { [text]: text } })));
  await sendAll('name', (name) => api('/keys', key({ rate_limits: [{ name, limit: 1, duration_ms: 1000 }] })));
  await sendAll('value', (value) => api('/credentials', { kind: 'general', name: `value ${Math.random()}`, value }));
  for (const text of STRINGS) {
    const verdict = await api('/verify', { key: text, scope: text, project: text });
    expect(verdict.body.valid ?? false, JSON.stringify(text)).toBe(false);
    expect(verdict.status).toBeLessThan(500);
  }

  // Every text field of the server functions that the API does not have.
  const request = { description: '', visibility: 'organization' };
  const projects = await sendAll('name', (name) => call('projects/create', { request: { ...request, name } }));
  const described = await sendAll('description', (description) =>
    call('projects/create', { request: { ...request, name: `described ${Math.random()}`, description } }),
  );
  const project = (await create('projects/create', { request: { ...request, name: 'Genomics' } })).id;
  const nodes = await sendAll('name', (name) => call('projects/create-node', { id: project, name }));
  await sendAll('value', (value) => call('projects/create-secret', { id: project, name: `v${Math.random()}`.replace('.', '_'), value }));
  const roles = await sendAll('name', (name) => call('roles/create', { name, permissions: [] }));
  const provider = { style: 'openai', base_url: 'https://llm.example.com/v1' };
  const providers = await sendAll('name', (name) => call('providers/create', { request: { ...provider, name } }));
  const models = await sendAll('name', (name) => call('providers/create-model', { provider: providers[0].id, request: { name } }));
  for (const text of STRINGS) {
    // Few strings are valid here, or none.
    for (const [name, data] of [
      ['projects/create-secret', { id: project, name: text, value: 'a' }],
      ['providers/create', { request: { ...provider, name: `address ${Math.random()}`, base_url: text } }],
      ['invitations/create', { email: text, role: roles[0].id }],
      ['audit/read', { query: { search: text, period: 'all' } }],
    ] as const) {
      expect([200, 409, 422], `${name} ${JSON.stringify(text)}`).toContain((await call(name, data)).status);
    }
  }

  // Each of these has one value, which every accepted string replaces.
  const template = await create('templates/create', { project });
  const field = await create('templates/add-field', { template: template.id });
  const edited = async (name: string, id: string, which: string, first: string) => {
    let before = first;
    await sendAll(
      which,
      async (after) => {
        const response = await call(name, { id, edit: { which, before, after } });
        before = response.status === 200 ? response.body[which] : before;
        return response;
      },
      1,
    );
    return before;
  };
  const texts = [
    await edited('templates/edit', template.id, 'name', template.name),
    await edited('templates/edit', template.id, 'description', template.description),
    await edited('templates/edit-field', field.id, 'name', field.name),
    await edited('templates/edit-field', field.id, 'description', field.description),
    await edited('templates/edit-field', field.id, 'value', field.value),
  ];
  await sendAll('name', (name) => call('profile/rename', { name }), 1);
  await sendAll('name', (name) => call('organization/edit', { name, currency: 'USD' }), 1);

  // Every page that shows them.
  const names = (bodies: any[]): string[] => bodies.map((body) => (body.key ?? body.credential ?? body).name);
  await expectShown(page, `/keys/client?q=${encodeURIComponent('<')}`, names(clientKeys).filter((name) => name.includes('<')), expectHarmless);
  await expectShown(page, '/settings/corpora', names(corpora), expectHarmless);
  await expectShown(page, `/keys/general?q=${encodeURIComponent('<')}`, names(general).filter((name) => name.includes('<')), expectHarmless);
  await expectShown(page, '/settings/roles', names(roles), expectHarmless);
  await expectShown(page, '/settings/providers', [...names(providers), ...names(models)], expectHarmless);
  const descriptions = described.map((body) => body.description as string);
  await expectShown(page, '/projects', [...names(projects), ...descriptions], expectHarmless);
  await expectShown(page, `/projects/${project}`, names(nodes), expectHarmless);
  await expectShown(page, `/projects/${project}/keys`, texts, expectHarmless);
  for (const path of [
    ...['/keys/client', '/keys/agent', '/keys/internal', '/keys/external', '/keys/corpus', '/settings/members', '/settings/audit'],
    ...['/settings/organization', '/profile', '/billing', '/api-reference', `/projects/${project}/keys/issued`],
    ...STRINGS.filter((_, index) => index % 10 === 0).map((text) => `/keys/client?q=${encodeURIComponent(text.slice(0, 100))}`),
  ]) {
    await expectShown(page, path, [], expectHarmless);
  }
});

/** A dialog with text fields. */
interface Form {
  path: string;
  open: (page: Page) => Promise<void>;
  /** Labels of the text fields. */
  fields: string[];
  submit: string;
}

const openButton = (name: string) => (page: Page) => page.getByRole('button', { name, exact: true }).first().click();

/** How many strings each field gets. */
const ROUNDS = 5;

/** Submits the dialog. It closes, or shows an error at a field. */
async function submit(dialog: Locator, name: string): Promise<void> {
  await dialog.getByRole('button', { name, exact: true }).click();
  const result = dialog.locator('[aria-invalid=true]').or(dialog.getByRole('textbox', { name: 'Invitation link' }));
  await expect.poll(async () => (await dialog.count()) === 0 || (await result.count()) > 0, { message: 'the dialog closes or shows an error' }).toBe(true);
}

test('hostile text that is typed into forms is harmless', { tag: '@once' }, async ({ page, context, server, owner, internalKey }) => {
  test.setTimeout(180_000);
  expect(owner.email).toBeTruthy();
  const expectHarmless = watch(page);
  await server.api(internalKey, '/keys', { kind: 'client', name: 'a key' });
  const { body: project } = await callFunction(context, server, 'projects/create', {
    request: { name: 'Genomics', description: '', visibility: 'organization' },
  });
  const forms: Form[] = [
    { path: '/keys/general', open: openButton('New API Key'), fields: ['API Key Name', 'API Key Value'], submit: 'Save' },
    {
      path: '/keys/client',
      open: async (page) => {
        await rows(page).first().getByRole('button', { name: 'Edit' }).click();
        await page.getByRole('dialog').getByText('Limits', { exact: true }).click();
      },
      fields: ['Name', 'Scopes', 'External ID', 'Metadata', 'Allowed addresses'],
      submit: 'Save',
    },
    { path: '/settings/corpora', open: openButton('Create corpus'), fields: ['Name'], submit: 'Save' },
    { path: '/settings/providers', open: openButton('Add provider'), fields: ['Name', 'Address'], submit: 'Save' },
    { path: '/settings/members', open: openButton('Invite'), fields: ['Email'], submit: 'Invite' },
    { path: '/projects', open: openButton('New project'), fields: ['Name', 'Description'], submit: 'Save' },
    { path: `/projects/${project.id}`, open: openButton('Add node'), fields: ['Name'], submit: 'Save' },
    { path: `/projects/${project.id}`, open: openButton('Add secret'), fields: ['Name', 'Value'], submit: 'Save' },
    { path: '/profile', open: openButton('Change name'), fields: ['Name'], submit: 'Save' },
  ];
  let next = 0;
  const nextString = () => STRINGS[(next += 7) % STRINGS.length];
  for (const form of forms) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await open(page, form.path);
      await form.open(page);
      const dialog = page.getByRole('dialog');
      for (const label of form.fields) {
        await dialog.getByLabel(label, { exact: true }).fill(nextString());
      }
      await submit(dialog, form.submit);
      await expectHarmless();
    }
  }

  // The search fields, which also write into the address.
  for (const path of ['/keys/client', '/settings/audit']) {
    await open(page, path);
    for (let round = 0; round < ROUNDS; round += 1) {
      await page.getByRole('searchbox').fill(nextString());
      await page.getByRole('searchbox').press('Enter');
      await expectHarmless();
    }
  }
});
