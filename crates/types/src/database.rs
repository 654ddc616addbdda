//! How domain types are stored: ids and names as text, timestamps and amounts as integers. A column that holds an invalid value fails to decode.

use sqlx::{Any, Database, Decode, Encode, Type, any::AnyTypeInfo, encode::IsNull, error::BoxDynError};

use crate::{
    id::{Id, IdKind},
    key::{StorageProvider, TestOutcome},
    key_kind::{CredentialKind, KeyKind, Kind},
    limits::Refill,
    money::Money,
    notification::NotificationEvent,
    permission::Permissions,
    project::Visibility,
    provider::ApiStyle,
    sample::{FileMode, FileState, ImportState, SampleSource},
    service::{InjectionKind, UnlinkReason},
    time::Timestamp,
};

/// Stores a type as `$stored`, with a function for each direction.
macro_rules! stored_as {
    (for<$($generics:ident: $bound:ident),*> $type:ty => $stored:ty, $encode:expr, $decode:expr) => {
        impl<$($generics: $bound),*> Type<Any> for $type {
            fn type_info() -> AnyTypeInfo {
                <$stored as Type<Any>>::type_info()
            }

            fn compatible(info: &AnyTypeInfo) -> bool {
                <$stored as Type<Any>>::compatible(info)
            }
        }

        impl<'q, $($generics: $bound),*> Encode<'q, Any> for $type {
            fn encode_by_ref(&self, buffer: &mut <Any as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let encode: fn(&Self) -> $stored = $encode;
                <$stored as Encode<'q, Any>>::encode(encode(self), buffer)
            }
        }

        impl<'r, $($generics: $bound),*> Decode<'r, Any> for $type {
            fn decode(value: <Any as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let decode: fn($stored) -> Result<Self, BoxDynError> = $decode;
                decode(<$stored as Decode<'r, Any>>::decode(value)?)
            }
        }
    };
    ($type:ty => $stored:ty, $encode:expr, $decode:expr) => {
        stored_as!(for<> $type => $stored, $encode, $decode);
    };
}

/// Stores an enum by its name.
macro_rules! stored_by_name {
    ($($type:ty),* $(,)?) => {
        $(stored_as!($type => String, |value| value.as_str().to_owned(), |text| Ok(text.parse()?));)*
    };
}

stored_as!(for<N: IdKind> Id<N> => String, ToString::to_string, |text| Ok(text.parse()?));
stored_as!(Timestamp => i64, |time| time.0, |ms| Ok(Timestamp(ms)));
stored_as!(Money => i64, |money| money.0, |millionths| Ok(Money(millionths)));
stored_as!(Permissions => String, |permissions| permissions.to_list(), |list| Ok(Permissions::parse_list(&list)));
stored_as!(Kind => String, |kind| kind.spec().name.to_owned(), |text| Ok(text.parse()?));
stored_by_name!(
    ApiStyle,
    CredentialKind,
    FileMode,
    FileState,
    ImportState,
    InjectionKind,
    KeyKind,
    NotificationEvent,
    Refill,
    SampleSource,
    StorageProvider,
    TestOutcome,
    UnlinkReason,
    Visibility,
);
