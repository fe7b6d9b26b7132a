-- The commit on the user's branch that an edit was put into, where that was asked for.
ALTER TABLE edit_set ADD COLUMN user_commit TEXT;
