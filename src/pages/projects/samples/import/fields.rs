//! The fields of each source.

use leptos::prelude::*;

use super::{Entries, files::FileRows};
use crate::{
    pages::projects::samples::context::SamplesContext,
    routes::{KEY_EXTERNAL, create_address},
};
use latchkey_types::{key::StorageProvider, sample::SampleSource};
use latchkey_ui::{
    drop_zone::DropZone,
    field::Field,
    icon::{Glyph, Icon},
    local_file::LocalFile,
};

/// The fields of the selected source. They are created again, so that a value typed for one source is not used for another.
#[component]
pub(super) fn SourceFields(context: SamplesContext, entries: Entries) -> impl IntoView {
    let form = entries.form;
    let source = Memo::new(move |_| entries.source());
    move || match source.get() {
        SampleSource::Local => view! { <LocalFiles entries/> }.into_any(),
        SampleSource::Aws => view! {
            <WithKey context provider=StorageProvider::Aws>
                <Field form name="query.container" label="Bucket" hint="e.g. sequencing-runs"/>
                <Field form name="query.prefix" label="Prefix" hint="The beginning of the object keys, e.g. run-7/" optional=true/>
                <Field form name="query.pattern" label="Pattern" optional=true
                    hint=r"A regular expression, matched against the name after the prefix, e.g. \.fastq\.gz$"/>
            </WithKey>
        }
        .into_any(),
        SampleSource::Dnanexus => view! {
            <WithKey context provider=StorageProvider::Dnanexus>
                <Field form name="query.container" label="Project" hint="The project’s ID, e.g. project-FpvKXz00Xv6pq2QKBjbJ1PyG"/>
                <Field form name="query.pattern" label="Pattern" optional=true
                    hint=r"A regular expression, matched against the name, e.g. \.fastq\.gz$"/>
            </WithKey>
        }
        .into_any(),
    }
}

/// Fields that need an external key of the viewer. It may be created in another tab while the dialog is open.
#[component]
fn WithKey(context: SamplesContext, provider: StorageProvider, children: ChildrenFn) -> impl IntoView {
    let has_key = Memo::new(move |_| context.list.with(|list| list.own_keys.contains(&provider)));
    view! {
        <Show when=move || has_key.get() fallback=move || view! { <MissingKey provider/> }>
            {children()}
        </Show>
    }
}

/// A warning that the viewer has no key for the provider, with a link that creates one.
#[component]
fn MissingKey(provider: StorageProvider) -> impl IntoView {
    view! {
        <div class="caution">
            <Icon glyph=Glyph::Warning/>
            <p class="import-key">
                {format!("You have no external key for {}. Latchkey needs one to read the files. ", provider.label())}
                <a href=create_address(KEY_EXTERNAL)>"Create one"</a>
            </p>
        </div>
    }
}

#[component]
fn LocalFiles(entries: Entries) -> impl IntoView {
    let Entries { form, chosen, .. } = entries;
    let add = move |files: Vec<LocalFile>| {
        chosen.update(|chosen| chosen.extend(files));
        form.mark_edited("files");
    };
    let remove = Callback::new(move |index: usize| {
        chosen.update(|chosen| {
            if index < chosen.len() {
                chosen.remove(index);
            }
        });
        form.clear_error("files");
    });
    let rows = Signal::derive(move || chosen.with(|chosen| chosen.iter().map(|file| (file.name.clone(), file.size)).collect::<Vec<_>>()));
    view! {
        <DropZone name="files" label="Drop files here, or choose them" on_files=add/>
        <FileRows rows on_remove=remove/>
    }
}
