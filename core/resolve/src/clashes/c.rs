//! Which declarations of C and C++ cannot have one name.

use super::{Clash, clash};
use crate::project::units::is_external;
use crate::{Declaration, Global, Place, Project, ScopeKind, Space, Symbol, Target};

/// Names that nearly every program takes from the library of C; a function that has one of them takes its place.
const LIBRARY: &str = "abort abs accept access alarm atexit atof atoi atol bind bsearch calloc ceil chdir chmod chown \
    clearerr clock close closedir connect cos ctime daemon dup dup2 environ errno execl execv execve exit exp fabs fclose \
    fcntl fdopen feof ferror fflush fgetc fgets fileno floor fmod fopen fork fprintf fputc fputs fread free freopen fscanf \
    fseek fstat ftell fwrite getc getchar getenv getopt getpid gets gettimeofday gmtime htonl htons index ioctl isalnum \
    isalpha isatty isdigit isspace kill labs ldexp link listen localtime log longjmp lseek lstat main malloc memchr memcmp \
    memcpy memmove memset mkdir mktime mmap munmap open opendir optarg optind pause perror pipe poll pow printf putc \
    putchar puts qsort raise rand random read readdir readlink realloc recv remove rename rewind rindex rmdir scanf select \
    send setenv setjmp setsockopt signal sin sleep snprintf socket sprintf sqrt srand sscanf stat stderr stdin stdout \
    strcasecmp strcat strchr strcmp strcpy strdup strerror strftime strlen strncmp strncpy strpbrk strrchr strsep strstr \
    strtod strtok strtol strtoul symlink system tan time times tmpfile tolower toupper truncate umask uname ungetc unlink \
    usleep va_arg va_end va_list va_start vfprintf vprintf vsnprintf vsprintf wait waitpid write";

pub(super) fn clashes(project: &Project<'_>, symbol: &Symbol, new: &str) -> Vec<Clash> {
    let mut found = Vec::new();
    let owns: Vec<(&Global, Declaration)> =
        symbol.declarations.iter().filter_map(|global| Some((global, project.declaration(global)?))).collect();
    let others = project.everywhere(new, |_| true);
    for (global, own) in &owns {
        let outer = is_outer(project, global, own);
        for (other, d) in &others {
            let together = project.together(&global.0, &other.0);
            let why = match (own.space, d.space) {
                (_, Space::Macro) if together => "a macro has this name",
                (Space::Macro, _) if together => "the macro would take the place of this",
                (one, two) if outer && (one == two || !matches!((one, two), (Space::Tag, _) | (_, Space::Tag))) => {
                    match is_outer(project, other, d) {
                        true if together => "what is compiled with it has this name already",
                        true if is_external(own) && is_external(d) => {
                            found.extend(clash(
                                project,
                                other,
                                false,
                                "another file has this name, perhaps of the same program",
                            ));
                            continue;
                        }
                        _ => continue,
                    }
                }
                _ => continue,
            };
            found.extend(clash(project, other, true, why));
        }
        members(project, global, own, new, &mut found);
        if (outer || own.space == Space::Macro) && LIBRARY.split(' ').any(|known| known == new) {
            found.extend(clash(project, global, false, "the library of C has this name"));
        }
    }
    if project.pasted(new) {
        let of =
            owns.first().and_then(|(global, _)| clash(project, global, false, "a macro can put the new name together"));
        found.extend(of);
    }
    found.extend(used(project, &owns, new));
    found
}

fn is_outer(project: &Project<'_>, global: &Global, d: &Declaration) -> bool {
    !project.linkable(vec![(global.clone(), d.clone())]).is_empty()
}

/// The type of a member has this name already.
fn members(project: &Project<'_>, global: &Global, own: &Declaration, new: &str, found: &mut Vec<Clash>) {
    let Some(bindings) = project.bindings(&global.0) else { return };
    let Some(scope) = bindings.scope(own.scope).filter(|scope| scope.kind == ScopeKind::Class) else { return };
    let types = match (&scope.of, scope.owner) {
        (Some(of), _) => project.types_of(&global.0, of),
        (None, Some(owner)) => vec![(global.0.clone(), owner)],
        (None, None) => Vec::new(),
    };
    for member in types.iter().flat_map(|of| project.own_members(of, new)) {
        found.extend(clash(project, &member, true, "the type has this name already"));
    }
}

/// Macros and code that does not parse that use the new name near the symbol.
fn used(project: &Project<'_>, owns: &[(&Global, Declaration)], new: &str) -> Vec<Clash> {
    let mut found = Vec::new();
    for path in project.files().mentions(new) {
        if !owns.iter().any(|(global, _)| project.includes(&path) && project.together(&global.0, &path)) {
            continue;
        }
        let Some(bindings) = project.bindings(&path) else { continue };
        let expanded = bindings.references.iter().find(|r| r.name == new && r.target == Target::Expanded).map(|r| r.at);
        let hazard = bindings.hazards.iter().find(|hazard| hazard.name.as_deref() == Some(new)).map(|hazard| hazard.at);
        if let Some(at) = expanded.or(hazard) {
            let why = "a macro may use the new name";
            found.push(Clash { place: Place { path, at }, forbidden: false, elsewhere: false, why });
        }
    }
    found
}
