use super::*;
use crate::error::WorkError;
use deepcoder_types::Consent;

use crate::land::{self, Site};
use crate::run::{self, Reporter};
use deepcoder_queue::{Claim, Queue, QueuePlace, Repositories};

/// What a worker has done before it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Claimed,
    Kept,
    Landed,
}

/// Do a job as a worker would, up to `step`, and tell nobody. What `held` is asked is counted.
fn die_after(scene: &Scene, step: Step) {
    let queue = Queue::open(&QueuePlace::Sqlite(scene.home.path().join("state/jobs.db"))).expect("a queue");
    // A lease that is over at once: the next worker need not wait for it.
    let claim: Claim =
        queue.claim("dying", &Repositories::Any, Duration::from_millis(1), 0).expect("a claim").expect("a job");
    if step >= Step::Kept {
        let (profile, cancel) = (profile(scene.home.path()), Cancel::new());
        let now = || 1_700_000_000_000;
        let mut reporter = Reporter::new(&queue, &claim.lease, &now);
        let site = Site::open(&profile, &claim.job, &scene.home.path().join("state/jobs"), &cancel).expect("a site");
        let models = Lent(Arc::clone(&scene.model));
        let run = run::run(&site.repo, &claim.job, &models, scene.repo.path(), &cancel, &mut reporter).expect("a run");
        site.keep(&queue, &claim.lease, &run, &run::result(&run), now()).expect("kept");
        if step >= Step::Landed {
            site.land(&claim.job, &run, Consent::default(), &|| Ok(()), now(), &cancel).expect("landed");
        }
        // Its work tree stays where it is, as after a kill.
    }
}

fn idle(script: impl IntoIterator<Item = Say>) -> Scene {
    let scene = Scene::new(script);
    scene.service.stop();
    scene
}

fn resumed(scene: &mut Scene) {
    scene.service = service(scene.home.path(), &scene.clock);
    scene.start();
}

/// Protects "nothing lost, nothing twice" in the work tree: a worker that dies at any point leaves a job that the next
/// one finishes, and the model is not asked again for what was kept.
#[test]
fn a_result_lands_once_in_the_work_tree() {
    for (step, asked) in [(Step::Claimed, 1), (Step::Kept, 1), (Step::Landed, 1)] {
        let mut scene = idle([Say::Text(SAID)]);
        let job = scene.add(Delivery::Apply);
        die_after(&scene, step);
        if step == Step::Landed {
            // The user goes on from there, and nothing of it is lost.
            assert_eq!(scene.text(), NEW);
            scene.repo.write("a.py", b"def f():\n    return 3\n");
        }
        resumed(&mut scene);
        let done = scene.wait(&job, JobState::Done);
        let wanted = if step == Step::Landed { "def f():\n    return 3\n" } else { NEW };
        assert_eq!((scene.text().as_str(), scene.asked()), (wanted, asked), "{step:?}");
        let result = done.result.expect("a result");
        assert_eq!(result.edit.as_deref(), Some(job.id.0.as_str()), "the edit is called like the job");
        let history = deepcoder_app::Repo::open(&profile(scene.home.path()), scene.repo.path()).expect("a repo");
        assert_eq!(history.log(10).expect("a history").len(), 1, "{step:?}");
    }
}

/// Protects branches in the same way, and with it the work tree, the index and HEAD, which a job on a branch never
/// touches; a work tree that was left behind is cleared away.
#[test]
fn a_commit_lands_once_on_a_branch() {
    for step in [Step::Claimed, Step::Kept, Step::Landed] {
        let mut scene = idle([Say::Text(SAID)]);
        scene.repo.write("a.py", b"the user's own\n");
        scene.repo.write("staged.txt", b"staged\n");
        scene.repo.git(&["add", "staged.txt"]);
        let before = (scene.repo.git(&["status", "--porcelain"]), scene.repo.git(&["rev-parse", "HEAD"]));
        let job = scene.add(Delivery::Branch("docs".into()));
        die_after(&scene, step);
        resumed(&mut scene);
        let done = scene.wait(&job, JobState::Done);
        assert_eq!(scene.asked(), 1, "{step:?}");
        assert_eq!(scene.repo.git(&["show", "docs:a.py"]), NEW, "{step:?}");
        assert_eq!(scene.repo.git(&["rev-list", "--count", "main..docs"]).trim(), "1", "{step:?}");
        assert_eq!(scene.repo.git(&["log", "-1", "--format=%s", "docs"]).trim(), "return two");
        let commit = done.result.and_then(|result| result.commit).expect("a commit");
        assert_eq!(scene.repo.git(&["rev-parse", "docs"]).trim(), commit);
        let after = (scene.repo.git(&["status", "--porcelain"]), scene.repo.git(&["rev-parse", "HEAD"]));
        assert_eq!(before, after, "{step:?}");
        assert_eq!(scene.text(), "the user's own\n");
        scene.service.stop();
        assert_eq!(scene.repo.git(&["worktree", "list"]).lines().count(), 1, "{step:?}");
        let left = scene.repo.git(&["for-each-ref", "refs/deepcoder"]);
        // The old files of a work tree whose worker was killed stay until they are old.
        assert!(left.is_empty() || (step == Step::Landed && !left.contains("/jobs/")), "{step:?}: {left}");
    }
}

/// Protects whoever works on the same branch: a commit goes on top of what is there, and one that was added meanwhile is
/// never lost: the job is done again on it.
#[test]
fn a_branch_that_moves_is_worked_on_again() {
    let repo = Arc::new(Mutex::new(None::<std::path::PathBuf>));
    let root = Arc::clone(&repo);
    let moves = move || {
        let root = root.lock().unwrap().clone().expect("a root");
        let git = |args: &[&str]| {
            let out = std::process::Command::new("git").current_dir(&root).args(args).output().expect("git");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            String::from_utf8_lossy(&out.stdout).trim().to_owned()
        };
        let tree = git(&["rev-parse", "docs^{tree}"]);
        let commit = git(&["commit-tree", "-p", "docs", "-m", "somebody else", &tree]);
        git(&["update-ref", "refs/heads/docs", &commit]);
    };
    let scene = Scene::new([Say::After(Box::new(moves), SAID), Say::Text(SAID)]);
    *repo.lock().unwrap() = Some(scene.repo.path().to_owned());
    scene.repo.git(&["branch", "docs"]);
    let job = scene.add(Delivery::Branch("docs".into()));
    scene.wait(&job, JobState::Done);
    let subjects = scene.repo.git(&["log", "--format=%s", "main..docs"]);
    assert_eq!(subjects.lines().collect::<Vec<_>>(), ["return two", "somebody else"]);
    assert_eq!(scene.asked(), 2);
}

/// Protects the branch that somebody is on: it is not moved under their feet, and they are told when they ask.
#[test]
fn a_branch_that_is_checked_out_is_refused() {
    let scene = Scene::new([]);
    let failure = scene.service.add(scene.spec(Delivery::Branch("main".into()))).expect_err("refused");
    assert!(failure.to_string().starts_with("the branch `main` is checked out in"), "{failure}");
    let failure = scene.service.add(scene.spec(Delivery::Branch("a..b".into()))).expect_err("refused");
    assert!(failure.to_string().contains("cannot be the name of a branch"), "{failure}");
}

/// Protects the form in which a result waits in a work tree of its own: on the branch of its name, with the change.
#[test]
fn a_work_tree_is_made_and_left() {
    let scene = Scene::new([Say::Text(SAID)]);
    let path = scene.home.path().join("docs-tree");
    let job = scene.add(Delivery::Worktree(path.clone()));
    scene.wait(&job, JobState::Done);
    assert_eq!(std::fs::read_to_string(path.join("a.py")).expect("a file"), NEW);
    assert_eq!(scene.repo.git(&["rev-list", "--count", "main..docs-tree"]).trim(), "1");
    assert_eq!(scene.text(), OLD);
}

/// Protects the user's files from a result that was made for other bytes: the job is done again on those that are there.
#[test]
fn a_file_that_changed_meanwhile_is_read_again() {
    let root = Arc::new(Mutex::new(None::<std::path::PathBuf>));
    let seen = Arc::clone(&root);
    let save = move || {
        let path = seen.lock().unwrap().clone().expect("a path");
        #[expect(clippy::disallowed_methods, reason = "the user saves a file")]
        std::fs::write(path, "def f():\n    return 1  # mine\n").expect("saved");
    };
    let again = "def f():\n    return 2  # mine\n";
    let scene = Scene::new([Say::After(Box::new(save), SAID), Say::Text(again)]);
    *root.lock().unwrap() = Some(scene.repo.join("a.py"));
    let job = scene.add(Delivery::Apply);
    let done = scene.wait(&job, JobState::Done);
    assert_eq!(scene.text(), "def f():\n    return 2  # mine\n");
    assert_eq!(done.attempts, 2);
}

/// Protects what was lost to somebody else: a worker that finds its job taken lands nothing.
#[test]
fn whoever_has_lost_a_job_lands_nothing() {
    let scene = idle([Say::Text(SAID)]);
    scene.add(Delivery::Apply);
    let queue = Queue::open(&QueuePlace::Sqlite(scene.home.path().join("state/jobs.db"))).expect("a queue");
    let claim = queue.claim("slow", &Repositories::Any, Duration::from_secs(20), 0).expect("claim").expect("a job");
    let (profile, cancel) = (profile(scene.home.path()), Cancel::new());
    let now = || 1_700_000_000_000;
    let mut reporter = Reporter::new(&queue, &claim.lease, &now);
    let site = Site::open(&profile, &claim.job, &scene.home.path().join("state/jobs"), &cancel).expect("a site");
    let models = Lent(Arc::clone(&scene.model));
    let run = run::run(&site.repo, &claim.job, &models, scene.repo.path(), &cancel, &mut reporter).expect("a run");
    queue.cancel(&claim.job.id, 0).expect("cancelled");
    let held = || crate::worker::still_held(&queue, &claim.lease);
    let landed = site.land(&claim.job, &run, Consent::default(), &held, 0, &cancel);
    assert!(matches!(landed, Err(WorkError::Lost)), "{landed:?}");
    assert_eq!(scene.text(), OLD);
    assert_eq!(land::already(&profile, &claim.job, scene.home.path(), &cancel).expect("a look"), None);
}

/// Protects kept results: they come back as they were, bytes that are no text included, and a damaged one is no result.
#[test]
fn kept_results_come_back() {
    let scene = idle([Say::Text(SAID)]);
    scene.add(Delivery::Apply);
    die_after(&scene, Step::Kept);
    let queue = Queue::open(&QueuePlace::Sqlite(scene.home.path().join("state/jobs.db"))).expect("a queue");
    let job = queue.list(&deepcoder_types::JobFilter::default()).expect("jobs").remove(0);
    let bytes = queue.saved(&job.id).expect("read").expect("kept");
    let mut kept = deepcoder_app::from_bytes(&bytes).expect("a result");
    let set = kept.run.edit_set.as_mut().expect("a set");
    assert_eq!(set.files[0].new.as_ref().map(|image| image.bytes.as_slice()), Some(NEW.as_bytes()));
    set.files[0].new.as_mut().expect("new").bytes = vec![0, 255, b'\n', 10];
    let bytes = deepcoder_app::to_bytes(&kept.run, Some("base")).expect("bytes");
    let back = deepcoder_app::from_bytes(&bytes).expect("a result");
    assert_eq!((back.run.edit_set, back.base.as_deref()), (kept.run.edit_set, Some("base")));
    assert!(deepcoder_app::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(deepcoder_app::from_bytes(b"").is_err());
}

/// Protects work trees of the user's on a disk that is away, with their index and a detached commit: a job removes its own
/// entry from git's list, and no other.
#[test]
#[expect(clippy::disallowed_methods, reason = "these folders are temporary ones of the test")]
fn a_work_tree_that_is_away_keeps_its_entry() {
    let scene = Scene::new([Say::Text(SAID)]);
    let disk = tempfile::tempdir().expect("a disk");
    let (there, away) = (disk.path().join("usb"), disk.path().join("away"));
    scene.repo.git(&["worktree", "add", "-q", "--detach", there.to_str().expect("text")]);
    std::fs::write(there.join("new.txt"), "x").expect("written");
    let git = |args: &[&str]| {
        let out = std::process::Command::new("git").current_dir(&there).args(args).output().expect("git");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    };
    git(&["add", "new.txt"]);
    std::fs::rename(&there, &away).expect("unplugged");
    let job = scene.add(Delivery::Branch("docs".into()));
    scene.wait(&job, JobState::Done);
    std::fs::rename(&away, &there).expect("plugged in");
    assert_eq!(git(&["status", "--porcelain"]), "A  new.txt");
}

/// Protects the user's list of work trees: one whose worker has died goes, also where its job is not tried again.
#[test]
fn work_trees_of_the_dead_are_cleared_away() {
    let mut scene = idle([Say::Text(SAID)]);
    let job = scene.add(Delivery::Branch("docs".into()));
    die_after(&scene, Step::Kept);
    let listed = |scene: &Scene| scene.repo.git(&["worktree", "list"]).lines().count();
    assert_eq!(listed(&scene), 2, "it died with its work tree");
    scene.service.cancel(&job.id.0).expect("cancelled");
    resumed(&mut scene);
    scene.wait(&job, JobState::Cancelled);
    let start = Instant::now();
    while listed(&scene) > 1 {
        assert!(start.elapsed() < LIMIT, "{}", scene.repo.git(&["worktree", "list"]));
        std::thread::sleep(Duration::from_millis(20));
    }
}
