BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE file (
	id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	image_id INTEGER, 
	reason TEXT, 
	size_bytes INTEGER, 
	mtime_ns INTEGER, 
	CONSTRAINT pk_file PRIMARY KEY (id), 
	CONSTRAINT uq_file_path UNIQUE (path), 
	CONSTRAINT fk_file_image_id FOREIGN KEY(image_id) REFERENCES image (id)
);
INSERT INTO "file" VALUES(1,'/photos/a.png',1,NULL,10,1700000000123456789);
INSERT INTO "file" VALUES(2,'/photos/b.png',2,NULL,11,1);
INSERT INTO "file" VALUES(3,'/photos/c.png',3,NULL,NULL,NULL);
INSERT INTO "file" VALUES(4,'/photos/d.png',NULL,'empty file (0 bytes)',NULL,NULL);
CREATE TABLE identity (
	id INTEGER NOT NULL, 
	label VARCHAR(255) NOT NULL, 
	CONSTRAINT pk_identity PRIMARY KEY (id), 
	CONSTRAINT uq_identity_label UNIQUE (label)
);
INSERT INTO "identity" VALUES(1,'s1');
INSERT INTO "identity" VALUES(2,'s2');
CREATE TABLE image (
	id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	identity_id INTEGER, removed_at VARCHAR(32), landmarks TEXT, 
	CONSTRAINT pk_image PRIMARY KEY (id), 
	CONSTRAINT uq_image_sha256 UNIQUE (sha256), 
	CONSTRAINT fk_image_identity_id FOREIGN KEY(identity_id) REFERENCES identity (id)
);
INSERT INTO "image" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,NULL,'[10.0, 20.0, 15.0, 40.0]');
INSERT INTO "image" VALUES(2,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',2,NULL,NULL);
INSERT INTO "image" VALUES(3,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',NULL,NULL,NULL);
CREATE TABLE placement (
	space_id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	reason TEXT, 
	shard INTEGER, 
	estimate TEXT, removed_in INTEGER, landmarks TEXT, 
	CONSTRAINT pk_placement PRIMARY KEY (space_id, image_id), 
	CONSTRAINT ck_placement_known_state CHECK (state IN ('indexed', 'skipped', 'removed')), 
	CONSTRAINT fk_placement_space_id FOREIGN KEY(space_id) REFERENCES space (id), 
	CONSTRAINT fk_placement_image_id FOREIGN KEY(image_id) REFERENCES image (id)
);
INSERT INTO "placement" VALUES(1,1,'indexed',NULL,3,'{"pose": "45"}',NULL,'[10.0, 20.0, 15.0, 40.0]');
INSERT INTO "placement" VALUES(1,2,'indexed',NULL,3,'{"pose": "0"}',NULL,NULL);
CREATE TABLE shard (
	space_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	rows INTEGER NOT NULL, 
	embeddings_sha256 VARCHAR(64) NOT NULL, 
	ids_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_shard PRIMARY KEY (space_id, number), 
	CONSTRAINT fk_shard_space_id FOREIGN KEY(space_id) REFERENCES space (id)
);
INSERT INTO "shard" VALUES(1,3,2,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
CREATE TABLE space (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	contract_sha256 VARCHAR(64) NOT NULL, 
	generation INTEGER, 
	published_at VARCHAR(32), last_shard INTEGER DEFAULT '0' NOT NULL, removals INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_space PRIMARY KEY (id), 
	CONSTRAINT uq_space_name UNIQUE (name)
);
INSERT INTO "space" VALUES(1,'pose-60','0000000000000000000000000000000000000000000000000000000000000000',7,'2026-11-20T09:44:16.641357+00:00',3,0);
CREATE TABLE value (
	image_id INTEGER NOT NULL, 
	attribute VARCHAR(64) NOT NULL, 
	value VARCHAR(255) NOT NULL, number DOUBLE, 
	CONSTRAINT pk_value PRIMARY KEY (image_id, attribute), 
	CONSTRAINT fk_value_image_id FOREIGN KEY(image_id) REFERENCES image (id)
);
INSERT INTO "value" VALUES(1,'pose','45',45.0);
INSERT INTO "value" VALUES(1,'light','left',NULL);
INSERT INTO "value" VALUES(2,'pose','-45',-45.0);
CREATE INDEX ix_image_identity_id ON image (identity_id);
CREATE INDEX ix_file_image_id ON file (image_id);
CREATE INDEX ix_placement_image_id ON placement (image_id);
CREATE INDEX ix_value_attribute_value ON value (attribute, value, image_id);
CREATE INDEX ix_value_attribute_number ON value (attribute, number, image_id);
CREATE INDEX ix_placement_space_id_shard ON placement (space_id, shard);
CREATE INDEX ix_placement_space_id_removed_in ON placement (space_id, removed_in);
CREATE INDEX ix_placement_space_id_estimate ON placement (space_id, estimate);
COMMIT;
