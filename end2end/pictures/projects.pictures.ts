// Projects, and the templates, requests and issued keys of one.

import { authenticate, open } from '../fixtures';
import { type Organization, type State, call } from './organizations';
import { expect, pageStates, pictures, test } from './pictures';

const FILLED: State[] = ['one', 'typical', 'full', 'long names'];
const first = ({ projects: [id] }: Organization) => `/projects/${id}`;
const last = ({ projects }: Organization) => `/projects/${projects.at(-1)}`;

pictures('projects', () => {
  pageStates(() => '/projects');

  test('create', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/projects');
    await page.getByRole('button', { name: 'New project' }).click();
    await take('create');
  });
});

for (const [name, path] of [['project', ''], ['project-keys', '/keys'], ['issued-keys', '/keys/issued']]) {
  pictures(name, () => {
    pageStates((organization) => first(organization) + path, { states: FILLED, full: true });

    test('empty', async ({ page, enter, take }) => {
      const organization = await enter('typical');
      await take('empty', { prepare: () => open(page, last(organization) + path), full: true });
    });
  });
}

pictures('project', () => {
  for (const button of ['Add member', 'Add node', 'Add secret', 'Delete project']) {
    test(button, async ({ page, enter, take }) => {
      await open(page, first(await enter('typical')));
      await page.getByRole('button', { name: button, exact: true }).click();
      await take(button.toLowerCase());
    });
  }

  test('value that is edited', async ({ page, enter, take }) => {
    await open(page, first(await enter('typical')));
    await page.getByRole('button', { name: /^Description: / }).first().click();
    await take('value that is edited');
  });
});

pictures('project-seen-by-a-member', () => {
  test('member', async ({ page, context, server, organizations, take }) => {
    const organization = await organizations.get('scratch');
    await authenticate(context, server, organization.requesters[0]);
    await open(page, first(organization));
    await take('project', { full: true });
    await page.getByRole('button', { name: 'Import into a project…' }).first().click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await take('import');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Reveal key' }).first().click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await take('revealed key');
  });
});

pictures('project-keys', () => {
  test.beforeEach(async ({ page, enter }) => open(page, `${first(await enter('typical'))}/keys`));

  test('invalid price', async ({ page, take }) => {
    await page.getByRole('button', { name: /^Price per request: / }).first().click();
    await page.getByRole('textbox', { name: 'Price per request' }).fill('-1');
    await page.keyboard.press('Enter');
    await expect(page.getByText("can't be negative")).toBeVisible();
    await take('invalid price');
  });

  test('delete template', async ({ page, take }) => {
    await page.getByRole('button', { name: 'Delete template' }).first().click();
    await take('delete template');
  });

  test('insert node ID', async ({ page, take }) => {
    await page.getByRole('button', { name: 'Insert node ID' }).first().click();
    await take('insert node ID');
  });

  test('reject', async ({ page, take }) => {
    await page.getByRole('button', { name: 'Reject' }).first().click();
    await take('reject');
  });
});

pictures('project-keys', () => {
  test('decided request', async ({ page, enter, take }) => {
    await open(page, `${first(await enter('scratch'))}/keys#requests`);
    const approve = page.getByRole('button', { name: 'Approve', exact: true });
    const count = await approve.count();
    await approve.first().click();
    // The row stays with its result until the pointer leaves.
    await expect(approve).toHaveCount(count - 1);
    await take('decided request');
  });

  test('new template', async ({ page, enter, take }) => {
    const organization = await enter('scratch');
    await call(organization.session, 'templates/create', { project: organization.projects.at(-1) });
    await open(page, `${last(organization)}/keys`);
    await take('new template', { full: true });
  });
});

pictures('issued-keys', () => {
  test.beforeEach(async ({ page, enter }) => open(page, `${first(await enter('typical'))}/keys/issued`));

  test('revoke', async ({ page, take }) => {
    await page.getByRole('button', { name: /^Delete/ }).first().click();
    await take('revoke');
  });

  test('dates', async ({ page, take }) => {
    await page.getByLabel('Period').selectOption('From – to');
    await expect(page.getByLabel('From', { exact: true })).toBeVisible();
    await take('dates');
    await page.getByLabel('To', { exact: true }).fill('2026-01-01');
    await page.getByLabel('To', { exact: true }).blur();
    await expect(page.getByRole('alert')).toBeVisible();
    await take('dates, invalid');
  });
});
