-- Samples of projects, and import jobs.

-- Bytes of all samples that are stored or being imported.
alter table organizations add column sample_bytes bigint not null default 0;

create table import_jobs (
    id text primary key not null,
    organization_id text not null references organizations (id),
    project_id text not null references projects (id),
    -- `local`, `aws` or `dnanexus`.
    source text not null,
    -- The bucket or the DNAnexus project; empty for local files.
    container text not null,
    prefix text not null,
    pattern text not null,
    -- `single` or `combined`.
    mode text not null,
    batch text not null,
    -- The external key that reads the files; null for local files.
    credential_id text references credentials (id),
    -- `running`, `stopped` or `finished`.
    state text not null,
    created_by text not null references users (id),
    created_at bigint not null,
    -- When it was started or retried, or a part of a local file was last stored.
    used_at bigint not null,
    finished_at bigint
);

create index import_jobs_of_project on import_jobs (project_id, id);

create index import_jobs_running on import_jobs (id) where state = 'running';

create table import_files (
    job_id text not null references import_jobs (id),
    -- From 0.
    position bigint not null,
    -- As at the source; never used as a path.
    name text not null,
    -- The object's key or the id of the DNAnexus file; empty for local files.
    location text not null,
    -- Changes with the content; empty if the source has none.
    etag text not null,
    size bigint not null,
    -- Bytes that are stored, in whole chunks.
    copied bigint not null,
    -- `waiting`, `copying`, `complete` or `failed`.
    state text not null,
    -- Why it failed, as a sentence; otherwise empty.
    error text not null,
    -- Under which its content is stored.
    sample_id text not null unique,
    primary key (job_id, position)
);

create index import_files_incomplete on import_files (job_id, position) where state <> 'complete';

create table samples (
    id text primary key not null,
    organization_id text not null references organizations (id),
    project_id text not null references projects (id),
    name text not null,
    name_folded text not null,
    batch text not null,
    batch_folded text not null,
    source text not null,
    size bigint not null,
    -- Hexadecimal.
    sha256 text not null,
    imported_by text not null references users (id),
    imported_at bigint not null
);

create index samples_of_project on samples (project_id, id);

-- Content that is to be removed from the sample store: of deleted samples, and of files whose import failed or was stopped.
create table discarded_samples (
    sample_id text primary key not null,
    -- Part of the names of the objects.
    organization_id text not null references organizations (id),
    -- The highest number of objects that can exist.
    chunks bigint not null,
    discarded_at bigint not null
);
