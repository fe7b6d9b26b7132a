use super::{NONE, edit, findings};

const INSTALL: &str = "# Installing\n\n1. Copy `config/app.toml` and set the address of the database.\n2. Start the services with `docker compose up`.\n\nThe dashboard is then at port 8080.\n";
const BACKUP: &str = "# Backups\n\nThe volume `readings` holds everything. Dump it every night:\n\n    docker compose exec db pg_dump station > station.sql\n";

/// Protects documents that are edited together from becoming one another, also where two are exchanged.
#[test]
fn documents_are_not_exchanged() {
    let tree = [
        ("docs/backup.md", BACKUP),
        ("docs/install.md", INSTALL),
        ("docs/sensors.md", "# Sensors\n\nEvery sensor has an id.\n"),
    ];
    let changes =
        [("docs/backup.md", Some(INSTALL)), ("docs/install.md", Some(BACKUP)), ("docs/sensors.md", Some(BACKUP))];
    let found = findings("add the line 'Last reviewed: 2024-05-01' at the end of each document", &tree, &changes);
    for (name, other) in [("backup", "install"), ("install", "backup"), ("sensors", "backup")] {
        let told =
            |f: &&String| f.starts_with(&format!("E docs/{name}.md: the result is the text of `docs/{other}.md`"));
        assert_eq!(found.iter().filter(told).count(), 1, "{name}: {found:?}");
    }
}

/// Protects lines that an edit of prose, tables and settings drops.
#[test]
fn lines_do_not_vanish_unasked() {
    let reviewed = format!("{INSTALL}\nLast reviewed: 2024-05-01\n");
    let asked = "add the line 'Last reviewed: 2024-05-01' at the end";
    assert_eq!(edit(asked, "a.md", INSTALL, &reviewed), NONE);
    let told = "R a.md: the line `The dashboard is then at port 8080.` (line 6 before the edit) is gone, and the instruction does not speak of it";
    assert_eq!(edit(asked, "a.md", INSTALL, &reviewed.replace("The dashboard is then at port 8080.\n", "")), [told]);
    // Edited, wrapped, moved, or spoken of.
    for new in [
        INSTALL.replace("then at port 8080", "at the port 8081"),
        INSTALL.replace(" and set the address", ".\n   Set the address"),
        INSTALL
            .replace("The dashboard is then at port 8080.\n", "")
            .replace("\n\n1", "\n\nThe dashboard is then at port 8080.\n\n1"),
    ] {
        assert_eq!(edit("correct it", "a.md", INSTALL, &new), NONE, "{new}");
    }
    let shorter = INSTALL.replace("\nThe dashboard is then at port 8080.\n", "");
    assert_eq!(edit("drop what is said of dashboards", "a.md", INSTALL, &shorter), NONE);
    assert_eq!(edit("shorten `Installing`", "a.md", INSTALL, &shorter), NONE);
    let table = "id,kind,height\nt1,temperature,2\nw1,wind,10\nr1,rain,1\n";
    let active = "id,kind,height,active\nt1,temperature,2,yes\nw1,wind,10,yes\nr1,rain,1,yes\n";
    let asked = "add a column active at the end with the value yes in every row";
    assert_eq!(edit(asked, "a.csv", table, active), NONE);
    assert_eq!(edit(asked, "a.csv", table, &active.replace("t1,temperature,2,yes\n", "")).len(), 1);
    let docker = "FROM alpine\nRUN apk add curl\nUSER nobody\nCMD [\"sh\"]\n";
    assert_eq!(edit("install git", "Dockerfile", docker, &docker.replace("curl", "curl git")), NONE);
    assert_eq!(
        edit("install git", "Dockerfile", docker, &docker.replace("curl", "curl git").replace("USER nobody\n", ""))
            .len(),
        1
    );
}
