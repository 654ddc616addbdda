-- What an instance must know to judge a key.

-- Words, separated by spaces: restrictions that came after the first version with several instances. An instance that does not know one of them
-- refuses the key. Null: none.
alter table api_keys add column requires text;
