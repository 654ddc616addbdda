// Hostile text in every text field: it is rejected at its field or shown literally, and no script runs.

import { randomBytes } from 'node:crypto';
import type { BrowserContext, Locator, Page } from '@playwright/test';
import { authenticate, clearSession, expect, mockCredentialTest, open, openLimits, openModels, rows, signIn, test, waitForPage } from './fixtures';
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

type Send = (text: string, index: number) => Promise<{ status: number; body: any }>;

/** Sends every string, some at a time. Each must be accepted, or rejected at this field. Returns the bodies of the accepted ones. */
async function sendAll(field: string, send: Send, atOnce = 8): Promise<any[]> {
  const accepted: any[] = [];
  for (let first = 0; first < STRINGS.length; first += atOnce) {
    await Promise.all(
      STRINGS.slice(first, first + atOnce).map(async (text, index) => {
        const { status, body } = await send(text, first + index);
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

/** Sends every string, and returns the accepted strings as the server stores them, for responses without the stored string. */
async function sendAllTexts(field: string, send: Send, atOnce?: number): Promise<string[]> {
  return sendAll(
    field,
    async (text, index) => {
      const { status, body } = await send(text, index);
      return { status, body: status < 300 ? trimmed(text) : body };
    },
    atOnce,
  );
}

/** Trims as the server does: unlike JavaScript's `trim`, it keeps U+FEFF. */
const trimmed = (text: string) => text.replace(/^[^\S\ufeff]+|[^\S\ufeff]+$/g, '');

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

/** Opens a list of keys and expects these texts in its cells, literally. The page contains only the rows near the scroll position. */
async function expectListed(page: Page, path: string, label: string, texts: string[], expectHarmless: () => Promise<void>): Promise<void> {
  await open(page, path);
  const list = page.getByRole('region', { name: `${label}, list`, exact: true });
  await expect(rows(page).first()).toBeVisible();
  const shown = new Set<string>();
  const missing = async () => {
    for (let top = 0, isAtEnd = false; !isAtEnd; top += 1000) {
      const inPage = await list.evaluate(async (scroller, top) => {
        scroller.scrollTop = top;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        const isAtEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1;
        return { isAtEnd, texts: [...scroller.querySelectorAll('td span, [role=cell] span')].map((cell) => cell.textContent ?? '') };
      }, top);
      inPage.texts.forEach((text) => shown.add(normalized(text)));
      isAtEnd = inPage.isAtEnd;
    }
    return texts.filter((text) => !shown.has(normalized(text)));
  };
  // Rows are loaded while the list is scrolled.
  await expect.poll(missing, { message: `texts in the list ${path}`, timeout: 20_000 }).toEqual([]);
  await expectHarmless();
}

/** Opens the audit log with a search and expects these texts in its events, on all pages, literally. */
async function expectAudited(page: Page, search: string, texts: string[], expectHarmless: () => Promise<void>): Promise<void> {
  await open(page, `/settings/audit?q=${encodeURIComponent(search)}`);
  const older = page.getByRole('button', { name: 'Older' });
  await expect(rows(page).first()).toBeVisible();
  let shown = normalized((await page.getByRole('table').textContent()) ?? '');
  while ((await older.count()) > 0 && (await older.isEnabled())) {
    const before = await page.getByRole('table').textContent();
    await older.click();
    await expect.poll(() => page.getByRole('table').textContent(), { message: 'older events' }).not.toBe(before);
    shown += normalized((await page.getByRole('table').textContent()) ?? '');
  }
  expect(texts.filter((text) => !shown.includes(normalized(text))), `audit events “${search}”`).toEqual([]);
  await expectHarmless();
}

test('hostile text that is sent over the API is shown literally', { tag: '@once' }, async ({ page, otherPage, context, server, owner, internalKey }) => {
  test.setTimeout(180_000);
  expect(STRINGS.length).toBeGreaterThanOrEqual(100);
  const expectHarmless = watch(page);
  const expectOtherHarmless = watch(otherPage);
  // Before the organization is renamed.
  await authenticate(otherPage.context(), server, server.addUser('member', owner.organization, 'Mia Chen'));
  const api = (path: string, data: unknown) => callApi(server, internalKey, path, data);
  const call = (name: string, data: unknown) => callFunction(context, server, name, data);
  const callAsMember = (name: string, data: unknown) => callFunction(otherPage.context(), server, name, data);
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
  const agentKeys = await sendAll('name', (name) => api('/keys', { kind: 'agent', name }));
  const internalKeys = await sendAll('name', (name) => api('/keys', { kind: 'internal', name, duration_days: 30, scopes: ['verify'] }));
  const corpusKeys = await sendAll('name', (name) => api('/keys', { kind: 'corpus', name, corpora: [corpora[0].id], scopes: ['query'] }));
  const imported = await sendAll('name', (name) => api('/keys/import', { sha256: randomBytes(32).toString('hex'), name }));
  const scoped = await sendAll('scopes', (scope) => api('/keys', key({ scopes: [scope] })));
  const owned = await sendAll('external_id', (external_id) => api('/keys', key({ external_id })));
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
  // Only one external key of a provider can exist, so each one is deleted before the next one is created.
  const external = await sendAll(
    'label',
    async (label) => {
      const request = { label, provider: 'dnanexus', key: 'dx0123456789', expiry: { Days: 30 } };
      const response = await call('credentials/create-external', { request });
      if (response.status === 200) {
        await create('keys/bulk', { action: 'delete', ids: [response.body.id] });
      }
      return response;
    },
    1,
  );
  expect(external.map((row) => row.name)).toContain(MARKUP[0]);
  await create('credentials/create-external', { request: { label: MARKUP[0], provider: 'dnanexus', key: 'dx0123456789', expiry: { Days: 30 } } });
  const described = await sendAll('description', (description) =>
    call('projects/create', { request: { ...request, name: `described ${Math.random()}`, description } }),
  );
  const project = (await create('projects/create', { request: { ...request, name: 'Genomics' } })).id;
  const nodes = await sendAll('name', (name) => call('projects/create-node', { id: project, name }));
  const secretNames = await sendAll('name', (name) => call('projects/create-secret', { id: project, name, value: 'a' }));
  const secretName = (index: number) => `value_${index}`;
  const secretValues = await sendAll('value', async (value, index) => {
    const { status, body } = await call('projects/create-secret', { id: project, name: secretName(index), value });
    return { status, body: status === 200 ? { name: secretName(index), value: trimmed(value) } : body };
  });
  for (const secret of secretValues) {
    expect(await server.get(internalKey, `/projects/${project}/secrets/${secret.name}`)).toMatchObject(secret);
  }
  const roles = await sendAll('name', (name) => call('roles/create', { name, permissions: [] }));
  const provider = { style: 'openai', base_url: 'https://llm.example.com/v1' };
  const providers = await sendAll('name', (name) => call('providers/create', { request: { ...provider, name } }));
  const models = await sendAll('name', (name) => call('providers/create-model', { provider: providers[0].id, request: { name } }));
  const withHeader = await sendAll('credential_header', (credential_header, index) =>
    call('providers/create', { request: { ...provider, name: `header ${index}`, credential_header } }),
  );
  const renamed = await sendAll('upstream_name', (upstream_name, index) =>
    call('providers/create-model', { provider: providers[0].id, request: { name: `upstream-${index}`, upstream_name } }),
  );
  const targets = [{ model: models[0].id, priority: 1, weight: 1 }];
  const aliases = await sendAll('name', (name) => call('providers/create-alias', { request: { name: `alias/${name}`, targets } }));
  await sendAll('models', (pattern) => api('/keys', key({ models: [pattern] })));
  const service = { base_url: 'https://api.example.com', injection: 'Bearer', credential: null, callers: [], timeout_seconds: 60, body_max: 1024 };
  const allowing = await sendAll('allow', (text, index) =>
    call('services/create', { request: { ...service, name: `allowing-${index}`, allow: [{ method: 'GET', path: `/${text}` }] } }),
  );
  const authenticating = await sendAll('injection.username', (username, index) =>
    call('services/create', { request: { ...service, name: `basic-${index}`, allow: [], injection: { Basic: { username } } } }),
  );
  const path = `/corpora/${corpora[0].id}/documents`;
  await sendAll('documents', (text) => api(path, { documents: [{ id: text, title: text, sections: [text] }] }), 4);
  // Names of models that do not exist, or that have no price.
  for (const model of [...MARKUP, ...ATTRIBUTES]) {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${agentKeys[0].secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [] }),
    });
    expect([400, 403, 404], model).toContain(response.status);
  }
  for (const text of STRINGS) {
    // Few strings are valid here, or none.
    for (const [name, data] of [
      ['providers/create', { request: { ...provider, name: `address ${Math.random()}`, base_url: text } }],
      ['services/create', { request: { ...service, name: text, allow: [] } }],
      ['invitations/create', { email: text, role: roles[0].id }],
      ['audit/read', { query: { search: text, period: 'all' } }],
    ] as const) {
      expect([200, 409, 422], `${name} ${JSON.stringify(text)}`).toContain((await call(name, data)).status);
    }
  }

  const invited = await sendAll('email', (text) => call('invitations/create', { email: `${text}@example.com`, role: roles[0].id }));

  // The reason for a rejection, which the requester sees. A user can request a key of the same template 10 times per hour. If a reason is
  // invalid, its request stays pending for the next one.
  await callAsMember('profile/rename', { name: MARKUP[0] });
  const rejections = (await create('projects/create', { request: { ...request, name: 'Rejections' } })).id;
  // A template without a saved name is a draft.
  const addTemplate = async (project: string) => {
    const template = await create('templates/create', { project });
    return create('templates/edit', { id: template.id, edit: { which: 'name', before: template.name, after: template.name } });
  };
  let rejected = '';
  const comments = await sendAllTexts(
    'comment',
    async (comment, index) => {
      rejected = index % 8 === 0 ? (await addTemplate(rejections)).id : rejected;
      await callAsMember('access-requests/create', { template: rejected });
      const { requests } = await create('templates/page', { project: rejections });
      return call('access-requests/reject', { id: requests[0].id, comment });
    },
    1,
  );
  for (const { id } of (await create('templates/page', { project: rejections })).requests) {
    await create('access-requests/reject', { id, comment: MARKUP[1] });
  }
  const { body: cards } = await callAsMember('access-requests/cards', { project: rejections });
  const shownComments: string[] = cards.tiles.map((card: any) => card.rejected.comment);
  expect(shownComments.length).toBeGreaterThan(10);

  // An information field for each string. A template has at most 20 of them.
  const template = await addTemplate(project);
  const fields: any[] = [];
  for (let index = 0, parent = template; index < STRINGS.length; index += 1) {
    parent = index > 0 && index % 20 === 0 ? await addTemplate(project) : parent;
    fields.push(await create('templates/add-field', { template: parent.id }));
  }
  const editField = (which: string) =>
    sendAll(which, (after, index) => call('templates/edit-field', { id: fields[index].id, edit: { which, before: fields[index][which], after } }));
  const fieldTexts = [
    ...(await editField('name')).map((row) => row.name as string),
    ...(await editField('description')).map((row) => row.description as string),
    ...(await editField('value')).map((row) => row.value as string),
  ];

  // Each of these has one value, which every accepted string replaces.
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
  const templateName = await edited('templates/edit', template.id, 'name', template.name);
  const texts = [templateName, await edited('templates/edit', template.id, 'description', template.description), ...fieldTexts];
  const ownNames = await sendAllTexts('name', (name) => call('profile/rename', { name }), 1);
  await sendAll('name', (name) => call('organization/edit', { name, currency: 'USD' }), 1);

  // Every page that shows them.
  const names = (bodies: any[]): string[] => bodies.map((body) => (body.key ?? body.credential ?? body).name);
  const clientTexts = [...names(clientKeys), ...names(imported), ...scoped.map((body) => body.key.scopes[0]), ...owned.map((body) => body.key.external_id)];
  await expectListed(page, '/keys/client', 'Client', clientTexts, expectHarmless);
  await expectListed(page, '/keys/agent', 'Agent API Key', names(agentKeys), expectHarmless);
  await expectListed(page, '/keys/internal', 'Internal', names(internalKeys), expectHarmless);
  await expectListed(page, '/keys/corpus', 'Corpus', [...names(corpusKeys), corpora[0].name], expectHarmless);
  await expectListed(page, '/keys/general', 'General Key', names(general), expectHarmless);
  await expectListed(page, '/keys/external', 'External', [MARKUP[0]], expectHarmless);
  await expectShown(page, '/settings/corpora', names(corpora), expectHarmless);
  await expectShown(page, '/settings/roles', names(roles), expectHarmless);
  const providerTexts = [...withHeader.map((row) => row.credential_header), ...renamed.map((row) => row.upstream_name), ...names(aliases)];
  await expectShown(page, '/settings/providers', [...names(providers), ...names(models), ...providerTexts], expectHarmless);
  const serviceTexts = [...allowing.map((row) => row.allow[0].path), ...authenticating.map((row) => row.injection.Basic.username)];
  await expectShown(page, '/settings/services', serviceTexts, expectHarmless);
  await expectShown(page, `/settings/corpora/${corpora[0].id}`, [], expectHarmless);
  await expectShown(page, '/settings/calls', [MARKUP[0]], expectHarmless);
  const descriptions = described.map((body) => body.description as string);
  await expectShown(page, '/projects', [...names(projects), ...descriptions], expectHarmless);
  await expectShown(page, `/projects/${project}`, [...names(nodes), ...names(secretNames)], expectHarmless);
  await expectShown(page, '/settings/members', [MARKUP[0], ...invited.map((body) => body.email as string)], expectHarmless);
  await expectAudited(page, 'corpus created', names(corpora), expectHarmless);
  await expectAudited(page, 'member invited', invited.map((body) => body.email as string), expectHarmless);
  await expectAudited(page, 'member renamed', ownNames, expectHarmless);
  await expectAudited(page, 'request rejected', comments.filter((comment) => comment.length <= 100), expectHarmless);

  // The requester sees the last reason on each card, and more of them in the notifications.
  await expectShown(otherPage, `/projects/${project}`, texts, expectOtherHarmless);
  await expectShown(otherPage, `/projects/${rejections}`, shownComments, expectOtherHarmless);
  await otherPage.getByRole('button', { name: /^Notifications/ }).click();
  const notifications = otherPage.getByRole('dialog', { name: 'Notifications' });
  for (const comment of comments.slice(-30)) {
    await expect.poll(async () => normalized((await notifications.textContent()) ?? '')).toContain(`“${normalized(comment)}”`);
  }
  await expectOtherHarmless();

  // Requests, and issued keys.
  const requested = await callAsMember('access-requests/create', { template: template.id });
  expect(requested.status, JSON.stringify(requested.body)).toBeLessThan(500);
  await expectShown(page, '/overview', [], expectHarmless);
  await expectShown(page, `/projects/${project}/keys`, [...texts, MARKUP[0]], expectHarmless);
  await call('access-requests/approve', { id: (await create('templates/page', { project })).requests[0].id });
  await expectShown(page, `/projects/${project}/keys/issued`, [templateName, MARKUP[0]], expectHarmless);
  await open(otherPage, '/profile');
  await expectOtherHarmless();
  for (const path of [
    ...['/settings/audit', '/settings/organization', '/profile', '/billing', '/notifications', '/api-reference'],
    ...STRINGS.filter((_, index) => index % 10 === 0).map((text) => `/keys/client?q=${encodeURIComponent(text.slice(0, 100))}`),
  ]) {
    await expectShown(page, path, [], expectHarmless);
  }
});

/** A dialog with text fields. */
interface Form {
  /** The page of another user. */
  page?: Page;
  path: string;
  open: (page: Page) => Promise<unknown>;
  /** Labels of the text fields, or the fields. */
  fields: (string | ((dialog: Locator) => Locator))[];
  /** Valid values by label. In most rounds, the fields have them instead of strings, so that the strings in the other fields reach the server. */
  valid?: Record<string, string>;
  submit: string;
  /** Whether it shows a secret or link instead of closing. */
  reveals?: boolean;
  /** Whether the page is opened again for each string, because the dialog or its preparation leaves it. */
  reopens?: boolean;
  /** Runs before the page is opened. */
  prepare?: () => Promise<unknown>;
}

const openButton = (name: string) => (page: Page) => page.getByRole('button', { name, exact: true }).first().click();

/** How many strings each field gets. */
const ROUNDS = 3;

/** A function that returns the strings in turn, so that successive ones are of different kinds. */
function stringsInTurn(): () => string {
  let next = 0;
  return () => STRINGS[(next += 7) % STRINGS.length];
}

/** The open dialog, also one that asks for confirmation. */
const openDialog = (page: Page) => page.locator('dialog[open]');

/** A secret or link that is shown once. */
const revealed = (dialog: Locator) => dialog.getByRole('textbox', { name: /^(Invitation link|Secret key)$/ });

/** Submits the dialog. It closes, reveals a secret or shows an error; then it is closed. */
async function submit(page: Page, { submit, reveals }: Form): Promise<void> {
  const dialog = openDialog(page);
  await dialog.getByRole('button', { name: submit, exact: true }).click();
  const result = dialog.locator('[aria-invalid=true], [role=alert]').or(revealed(dialog));
  const isDone = async () => (await result.count()) > 0 || (!reveals && (await dialog.count()) === 0);
  await expect.poll(isDone, { message: 'the dialog closes, reveals a secret or shows an error' }).toBe(true);
}

/** Closes the dialog, if it is open. */
async function close(page: Page): Promise<void> {
  const dialog = openDialog(page);
  if ((await dialog.count()) === 0) {
    return;
  }
  const isRevealed = (await revealed(dialog).count()) > 0;
  if (isRevealed) {
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Close without copying' }).click();
  } else {
    await dialog.getByRole('button', { name: 'Cancel', exact: true }).click();
  }
  await expect(dialog).toHaveCount(0);
}

test('hostile text that is typed into forms is harmless', { tag: '@once' }, async ({ page, otherPage, context, server, owner, internalKey }) => {
  test.setTimeout(180_000);
  const nextString = stringsInTurn();
  const watched = new Map([page, otherPage].map((each) => [each, watch(each)]));
  const expectHarmless = async (page: Page) => watched.get(page)?.();
  const call = (name: string, data: unknown) => callFunction(context, server, name, data);
  const callAsMember = (name: string, data: unknown) => callFunction(otherPage.context(), server, name, data);
  await authenticate(otherPage.context(), server, server.addUser('member', owner.organization, 'Mia Chen'));
  const request = { name: 'Genomics', description: '', visibility: 'organization' };
  const { body: project } = await call('projects/create', { request });
  await callAsMember('projects/create', { request: { ...request, name: 'My pipeline' } });
  await server.api(internalKey, '/corpora', { name: 'handbook' });
  const { body: openai } = await call('providers/create', { request: { name: 'OpenAI', style: 'openai', base_url: 'https://llm.example.com/v1' } });
  await call('providers/create-model', { provider: openai.id, request: { name: 'small' } });

  // A key that the member has revealed, to import.
  const addTemplate = async () => {
    const { body: template } = await call('templates/create', { project: project.id });
    await call('templates/edit', { id: template.id, edit: { which: 'name', before: template.name, after: template.name } });
    return template;
  };
  const template = await addTemplate();
  const requestKey = () => callAsMember('access-requests/create', { template: template.id });
  await requestKey();
  await call('access-requests/approve', { id: (await call('templates/page', { project: project.id })).body.requests[0].id });
  const { body: cards } = await callAsMember('access-requests/cards', { project: project.id });
  expect((await callAsMember('issued/reveal', { id: cards.tiles[0].key.id })).status).toBe(200);
  const otherTemplate = await addTemplate();

  // Stored strings in the fields of the edit dialog.
  const stored = `${MARKUP[3]}${ATTRIBUTES[3]}`;
  const attributes = { name: stored, external_id: stored, metadata: { [stored]: stored } };
  await server.api(internalKey, '/keys', { kind: 'client', ...attributes });
  await open(page, '/keys/client');
  await rows(page).first().getByRole('button', { name: 'Edit' }).click();
  for (const label of ['Name', 'External ID']) {
    await expect(page.getByRole('dialog').getByLabel(label, { exact: true })).toHaveValue(stored);
  }
  expect(JSON.parse(await page.getByRole('dialog').getByLabel('Metadata').inputValue())).toEqual(attributes.metadata);
  await expectHarmless(page);
  await close(page);

  const keyFields = { 'External ID': 'customer-7', Metadata: '', Scopes: 'read' };
  const forms: Form[] = [
    {
      path: '/keys/general',
      open: openButton('New API Key'),
      fields: ['API Key Name', 'API Key Value'],
      valid: { 'API Key Value': 'sk-0123456789' },
      submit: 'Save',
    },
    {
      path: '/keys/client',
      open: async (page) => {
        await rows(page).first().getByRole('button', { name: 'Edit' }).click();
        await openLimits(page);
      },
      fields: ['Name', 'Scopes', 'External ID', 'Metadata', 'Allowed addresses'],
      valid: { ...keyFields, 'Allowed addresses': '' },
      submit: 'Save',
    },
    {
      path: '/keys/client',
      open: async (page) => {
        await openButton('Create')(page);
        await openLimits(page);
      },
      fields: ['Name', 'External ID', 'Metadata', 'Scopes'],
      valid: keyFields,
      submit: 'Submit',
      reveals: true,
    },
    {
      path: '/keys/client',
      open: async (page) => {
        await openButton('Create')(page);
        const dialog = openDialog(page);
        await dialog.getByLabel('Name', { exact: true }).fill('mobile app');
        await openLimits(page);
        await dialog.getByRole('button', { name: 'Add rate limit' }).click();
        await dialog.getByRole('group', { name: 'Rate limit 1', exact: true }).getByLabel('Limit').fill('20');
      },
      fields: [(dialog) => dialog.getByRole('group', { name: 'Rate limit 1', exact: true }).getByLabel('Name')],
      submit: 'Submit',
      reveals: true,
    },
    { path: '/keys/internal', open: openButton('Create'), fields: ['Name'], submit: 'Submit' },
    {
      path: '/keys/external',
      open: async (page) => {
        await mockCredentialTest(page, 'unchecked');
        await openButton('Create')(page);
        await page.getByRole('dialog').getByLabel('Provider').selectOption('Amazon Web Services');
      },
      fields: ['Label', 'Key', 'Secret', 'Region'],
      valid: { Key: 'AKIAIOSFODNN7EXAMPLE', Secret: 'wJalrXUtnFEMI', Region: 'eu-central-1' },
      submit: 'Submit',
    },
    {
      path: '/keys/corpus',
      open: async (page) => {
        await openButton('Create')(page);
        await page.getByRole('dialog').getByRole('checkbox', { name: 'handbook' }).check();
      },
      fields: ['Name'],
      submit: 'Submit',
      reveals: true,
    },
    {
      path: '/keys/agent',
      open: async (page) => {
        await openButton('Create API Key')(page);
        await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
      },
      fields: ['API Key Name'],
      submit: 'Save',
      reveals: true,
    },
    {
      path: '/keys/agent',
      open: async (page) => {
        await openButton('Create API Key')(page);
        await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
        await openDialog(page).getByLabel('API Key Name').fill('nightly-build');
        await (await openModels(page)).getByRole('radio', { name: 'Only these' }).check();
      },
      fields: ['Names'],
      submit: 'Save',
      reveals: true,
    },
    { path: '/settings/corpora', open: openButton('Create corpus'), fields: ['Name'], submit: 'Create corpus' },
    { path: '/settings/roles', open: openButton('Create role'), fields: ['Name'], submit: 'Create role' },
    {
      path: '/settings/providers',
      open: openButton('Add provider'),
      fields: ['Name', 'Address', 'Key header'],
      valid: { Address: 'https://llm.example.com/v1', 'Key header': '' },
      submit: 'Add provider',
    },
    {
      path: '/settings/providers',
      open: openButton('Add model'),
      fields: ['Name', 'Name at the provider'],
      valid: { Name: 'gpt-5' },
      submit: 'Add model',
    },
    {
      path: '/settings/providers',
      open: async (page) => {
        await openButton('Add alias')(page);
        await page.getByRole('group', { name: 'Model 1', exact: true }).getByLabel('Model').selectOption('small (OpenAI)');
      },
      fields: ['Name'],
      submit: 'Add alias',
    },
    {
      path: '/settings/services',
      open: openButton('Add service'),
      fields: ['Name', 'Base URL', 'Allowed requests'],
      valid: { 'Base URL': 'https://api.example.com', 'Allowed requests': 'GET /user' },
      submit: 'Add service',
    },
    { path: '/settings/members', open: openButton('Invite'), fields: ['Email'], submit: 'Invite', reveals: true },
    { path: '/projects', open: openButton('Create project'), fields: ['Name', 'Description'], valid: { Description: '' }, submit: 'Create project', reopens: true },
    { path: `/projects/${project.id}`, open: openButton('Add node'), fields: ['Name'], submit: 'Add node' },
    { path: `/projects/${project.id}`, open: openButton('Add secret'), fields: ['Value', 'Name'], valid: { Name: 'api_token' }, submit: 'Add secret' },
    {
      path: `/projects/${project.id}/keys`,
      // After an invalid reason the request is still pending, and this has no effect.
      prepare: () => callAsMember('access-requests/create', { template: otherTemplate.id }),
      open: openButton('Reject'),
      fields: ['Message'],
      submit: 'Reject',
      reopens: true,
    },
    {
      page: otherPage,
      path: `/projects/${project.id}`,
      open: openButton('Import into a project…'),
      fields: ['API key', 'Prefix'],
      valid: { Prefix: 'genomics' },
      submit: 'Import',
    },
    { path: '/profile', open: openButton('Change name'), fields: ['Name'], submit: 'Save', reopens: true },
  ];
  for (const form of forms) {
    const formPage = form.page ?? page;
    const dialog = formPage.getByRole('dialog').or(formPage.getByRole('alertdialog'));
    for (let round = 0; round < ROUNDS; round += 1) {
      await form.prepare?.();
      if (round === 0 || form.reopens) {
        // A page whose loading is interrupted can't be hydrated.
        await formPage.waitForLoadState();
        await open(formPage, form.path);
      }
      await form.open(formPage);
      for (const field of form.fields) {
        const isValid = round !== 1 && typeof field === 'string' && form.valid && field in form.valid;
        const input = typeof field === 'string' ? dialog.getByLabel(field, { exact: true }) : field(dialog);
        await input.fill(isValid ? (form.valid?.[field] ?? '') : nextString());
      }
      await submit(formPage, form);
      // Repeated, because a saved form may load a page.
      await expect(() => expectHarmless(formPage)).toPass({ timeout: 5000 });
      if (!form.reopens) {
        await close(formPage);
      }
    }
  }

  // Values that are edited inline.
  await call('templates/add-field', { template: template.id });
  await open(page, `/projects/${project.id}/keys`);
  const tile = page.getByRole('article').first();
  for (const name of ['Name', 'Description', 'Price per request', 'Expiry', 'Field name', 'Field description', 'Value']) {
    const input = tile.getByRole('textbox', { name, exact: true });
    for (let round = 0; round < ROUNDS; round += 1) {
      await tile.getByRole('button', { name: new RegExp(`^${name}: `) }).click();
      await input.fill(nextString());
      await input.press('Enter');
      const isDone = async () => (await input.count()) === 0 || (await tile.locator('textarea[aria-invalid=true]').count()) > 0;
      await expect.poll(isDone, { message: `${name} is saved or shows an error` }).toBe(true);
      await expectHarmless(page);
      if ((await input.count()) > 0) {
        await input.press('Escape');
        await expect(input).toHaveCount(0);
      }
    }
  }

  // The requester sees the template, and the reason of the last rejection.
  const { body: lastCards } = await callAsMember('access-requests/cards', { project: project.id });
  const cardTexts = lastCards.tiles.flatMap((card: any) => [card.name, card.description, card.rejected?.comment ?? '']);
  await expectShown(otherPage, `/projects/${project.id}`, cardTexts, () => expectHarmless(otherPage));

  // Requests of the API reference.
  await open(page, '/api-reference');
  const expand = async (id: string) => {
    const section = page.locator(`details[id="${id}"]`);
    await section.locator('summary').first().click();
    await expect(section.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
    return section;
  };
  const send = async (section: Locator) => {
    await section.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(section.locator('.call-line strong').or(section.getByRole('alert')).first()).toBeVisible();
    await expectHarmless(page);
  };
  const list = await expand('listKeys');
  const createCorpus = await expand('createCorpus');
  await page.getByLabel('Internal key').fill(`lki_${nextString()}`);
  await send(list);
  await page.getByLabel('Internal key').fill(internalKey);
  for (let round = 0; round < ROUNDS; round += 1) {
    await list.getByLabel('q', { exact: true }).fill(nextString());
    await send(list);
    const name = `${MARKUP[round]} ${round}`;
    await createCorpus.getByLabel('Body').fill(JSON.stringify({ name }));
    await expect(createCorpus.getByRole('tabpanel', { name: 'cURL' })).toContainText(name);
    await send(createCorpus);
    await expect(createCorpus.getByRole('region', { name: 'Response' })).toContainText(JSON.stringify(name));
    await createCorpus.getByLabel('Body').fill(nextString());
    await send(createCorpus);
  }

  // The search fields, which also write into the address.
  for (const path of ['/keys/client', '/settings/audit']) {
    await open(page, path);
    for (let round = 0; round < ROUNDS; round += 1) {
      await page.getByRole('searchbox').fill(nextString());
      await page.getByRole('searchbox').press('Enter');
      await expectHarmless(page);
    }
  }
});

test('hostile text on the pages for visitors is harmless', { tag: '@once' }, async ({ page, context, emptyServer: server }) => {
  test.setTimeout(120_000);
  const nextString = stringsInTurn();
  const expectHarmless = watch(page);
  const [organization, password] = [MARKUP[0], 'correct horse battery staple'];
  const ada = { name: ATTRIBUTES[3], email: `<svg/onload=${SCRIPT}>@example.com`, password };
  const mia = { name: MARKUP[3], email: `'onmouseover='${SCRIPT}@example.com`, password };
  const fill = async (values: Record<string, string>, button: string) => {
    for (const [label, value] of Object.entries(values)) {
      await page.getByLabel(label, { exact: true }).fill(value);
    }
    await page.getByRole('button', { name: button, exact: true }).click();
  };
  /** Submits strings that are rejected: the password is too short. */
  const fillHostile = async (labels: string[], button: string) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const values = Object.fromEntries(labels.map((label) => [label, nextString()]));
      await fill({ ...values, Password: nextString().slice(0, 11) }, button);
      await expect(page.locator('[aria-invalid=true]').first()).toBeVisible();
      await expectHarmless();
    }
  };

  // Set-up.
  await open(page, server.setupLink);
  await fillHostile(['Organization', 'Name', 'Email'], 'Create account');
  await fill({ Organization: organization, Name: ada.name, Email: ada.email, Password: password }, 'Create account');
  await waitForPage(page, '/overview');
  await expect(page.getByRole('button', { name: ada.name, exact: true })).toBeVisible();
  await expectHarmless();

  // The invitation names the organization, the inviting member and the address.
  const { body: members } = await callFunction(context, server, 'members/list', {});
  const role = members.roles.find((each: any) => each.name === 'member').id;
  const { body: invitation } = await callFunction(context, server, 'invitations/create', { email: mia.email, role });
  await clearSession(page);
  const texts = [`${ada.name} invites you to join ${organization}.`, mia.email];
  await expectShown(page, invitation.link, texts, expectHarmless);
  await fillHostile(['Name'], 'Join');
  await fill({ Name: mia.name, Password: password }, 'Join');
  await waitForPage(page, '/overview');
  await expect(page.getByRole('button', { name: mia.name, exact: true })).toBeVisible();
  await expectHarmless();
  await clearSession(page);
  await open(page, `${server.url}/join#${encodeURIComponent(MARKUP[0])}`);
  await expect(page.getByRole('alert')).toBeVisible();
  await expectHarmless();

  // Sign-in, which does not open an address of another site or scheme.
  for (const next of [SCHEMES[0], '//example.com', `/\\${MARKUP[0]}`]) {
    await clearSession(page);
    await open(page, `${server.url}/sign-in?next=${encodeURIComponent(next)}`);
    await expectHarmless();
    await fill({ Email: nextString(), Password: nextString() }, 'Sign in');
    await expect(page.locator('[aria-invalid=true], [role=alert]').first()).toBeVisible();
    await expectHarmless();
    await fill({ Email: ada.email, Password: nextString() }, 'Sign in');
    await expect(page.getByRole('alert')).toContainText('Incorrect email or password.');
    await expectHarmless();
    await signIn(page, ada);
    await waitForPage(page, '/overview');
    expect(new URL(page.url()).origin).toBe(server.url);
    await expectHarmless();
  }
});
