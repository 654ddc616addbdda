-- Services, documents of corpora, and limits of corpus keys.

-- JSON, as rate_limits: limits for each client address.
alter table api_keys add column address_rate_limits text;

-- Origins of web pages that may use the key, separated by spaces. Null: any origin.
alter table api_keys add column allowed_origins text;

-- HTTP APIs that the gateway calls with a stored credential.
create table services (
    id text primary key not null,
    organization_id text not null references organizations (id),
    -- A part of the gateway's URL: lower-case letters, digits and hyphens.
    name text not null,
    base_url text not null,
    -- `bearer`, `header`, `basic`, `query` or `sigv4`.
    injection text not null,
    -- The name of the header or query parameter, the user name of `basic`, or the AWS service of `sigv4`; otherwise null.
    injection_name text,
    -- The AWS region of `sigv4`; otherwise null.
    injection_region text,
    credential_id text references credentials (id),
    -- Why the link to a credential was removed; otherwise null.
    unlink_reason text,
    -- JSON: [{"method", "path"}].
    allow_rules text not null,
    -- JSON: [{"kind", "scope"}].
    callers text not null,
    timeout_seconds bigint not null,
    body_max bigint not null,
    created_by text not null references users (id),
    created_at bigint not null,
    unique (organization_id, name)
);

create index services_of_credential on services (credential_id) where credential_id is not null;

-- Where the queries of a corpus are answered instead of by the built-in index.
create table corpus_upstreams (
    organization_id text not null,
    corpus_id bigint not null,
    base_url text not null,
    -- The ids that the upstream expects.
    customer_id text not null,
    upstream_corpus_id text not null,
    credential_id text references credentials (id),
    -- Why the link to a credential was removed: `credential_deleted` or `address_changed`, otherwise null.
    unlink_reason text,
    primary key (organization_id, corpus_id),
    foreign key (organization_id, corpus_id) references corpora (organization_id, id)
);

create index corpus_upstreams_of_credential on corpus_upstreams (credential_id) where credential_id is not null;

-- The highest number of a row of document_sections. No number is given twice.
alter table corpora add column last_section_number bigint not null default 0;

-- Documents of the built-in index.
create table documents (
    organization_id text not null,
    corpus_id bigint not null,
    -- Chosen by the customer.
    id text not null,
    title text not null,
    -- A JSON object, or empty.
    metadata text not null,
    bytes bigint not null,
    sections bigint not null,
    -- The numbers of its rows of document_sections, from the first to the last.
    first_number bigint not null,
    last_number bigint not null,
    updated_at bigint not null,
    primary key (organization_id, corpus_id, id),
    foreign key (organization_id, corpus_id) references corpora (organization_id, id)
);

-- The texts of documents. The words of each are in the full-text index under the same number.
create table document_sections (
    organization_id text not null,
    corpus_id bigint not null,
    -- Unique in the corpus; that of its words in the full-text index.
    number bigint not null,
    document_id text not null,
    -- Of the section in the document, from 0. A long section is stored in several rows.
    position bigint not null,
    content text not null,
    primary key (organization_id, corpus_id, number)
);

-- The numbers of rows of document_sections that are not found: those of a large document that is being stored, and those of replaced and deleted
-- documents, which are to be removed.
create table hidden_sections (
    organization_id text not null,
    corpus_id bigint not null,
    first_number bigint not null,
    last_number bigint not null,
    -- Of a document that is being stored: when it counts as interrupted. Zero if the rows are to be removed.
    kept_until bigint not null,
    primary key (organization_id, corpus_id, first_number)
);
