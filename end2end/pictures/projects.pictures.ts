// Projects, and the templates, requests and issued keys of one.

import type { Page } from '@playwright/test';
import { authenticate, open } from '../fixtures';
import { type Organization, type State, call } from './organizations';
import { expect, pageStates, pictures, test } from './pictures';
import { insertImport, transaction } from './sql';

const FILLED: State[] = ['one', 'typical', 'full', 'long names'];
const first = ({ projects: [id] }: Organization) => `/projects/${id}`;
const last = ({ projects }: Organization) => `/projects/${projects.at(-1)}`;

pictures('projects', () => {
  pageStates(() => '/projects');

  test('create', async ({ page, enter, take }) => {
    await enter('typical');
    await open(page, '/projects');
    await page.getByRole('button', { name: 'Create project' }).click();
    await take('create');
  });
});

for (const [name, path] of [['project', ''], ['samples', '/samples'], ['project-keys', '/keys'], ['issued-keys', '/keys/issued']]) {
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

pictures('samples', () => {
  const openDialog = async (page: Page, organization: Organization) => {
    await open(page, `${first(organization)}/samples`);
    await page.getByRole('button', { name: 'Import Samples' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
  };
  const chooseFiles = async (page: Page) => {
    const files = ['plasma-01.fastq.gz', 'plasma-02.fastq.gz', 'plasma-03.fastq.gz'].map((name, index) => ({
      name,
      mimeType: 'application/gzip',
      buffer: Buffer.alloc((index + 1) * 700_000),
    }));
    await page.getByLabel('Drop files here, or choose them').setInputFiles(files);
  };
  const listing = {
    files: Array.from({ length: 40 }, (_, index) => ({
      name: `blood-${String(index + 1).padStart(2, '0')}.fastq.gz`,
      location: `run-7/${index}`,
      size: (index + 3) * 91_000_000,
      etag: '"1"',
      modified_at: null,
    })),
    is_truncated: false,
    not_ready: [],
  };

  test('import', async ({ page, enter, take }) => {
    await openDialog(page, await enter('typical'));
    await take('import');
    await page.getByRole('button', { name: 'Continue' }).click();
    await take('import, no file');
    await chooseFiles(page);
    await take('import, files chosen');
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.getByLabel('Batch ID')).toBeVisible();
    await take('import, second step');
  });

  test('import from S3', async ({ page, enter, take }) => {
    await page.route('**/fn/samples/source*', (route) => route.fulfill({ json: listing }));
    await openDialog(page, await enter('typical'));
    await page.getByLabel('AWS S3').check();
    await take('import from S3');
    await page.getByRole('button', { name: 'Continue' }).click();
    await take('import from S3, invalid');
    await page.getByLabel('Bucket').fill('sequencing-runs');
    await page.getByLabel('Prefix').fill('run-7/');
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.getByLabel('Batch ID')).toBeVisible();
    await take('import from S3, matching files');
  });

  test('import without a key', async ({ page, enter, take }) => {
    await openDialog(page, await enter('one'));
    await page.getByLabel('DNAnexus').check();
    await take('import without a key');
  });

  test('selection', async ({ page, enter, take }) => {
    await open(page, `${first(await enter('typical'))}/samples`);
    await page.getByRole('checkbox').first().check();
    await page.getByRole('checkbox').nth(2).check();
    await take('selection');
    await page.getByRole('group', { name: 'Selected samples' }).getByRole('button', { name: 'Delete' }).click();
    await take('delete');
  });

  test('imports', async ({ page, server, enter, take }) => {
    const organization = await enter('scratch');
    const [project] = organization.projects;
    server.sql(
      transaction([
        ...insertImport(project, organization.owner.email, '2026-11-30-a1c4', 'finished'),
        ...insertImport(project, organization.owner.email, '2026-11-30-b209', 'running'),
      ]),
    );
    await take('imports', { prepare: () => open(page, `${first(organization)}/samples`), full: true });
    await page.getByRole('article').getByRole('button', { name: 'Files' }).last().click();
    await expect(page.getByRole('dialog').getByRole('listitem').first()).toBeVisible();
    await take('files');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Stop' }).click();
    await take('stop');
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
