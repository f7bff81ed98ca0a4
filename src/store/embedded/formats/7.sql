-- When a count began, or the last was taken off it: one that is regained in time is reckoned from there.
ALTER TABLE attempts ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
