"""What is said about running, building and finding classes, and the words of reports and tables."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # ------------------------------------------------------------ calls that go wrong
    "raises": ("`{method}` raises {error}: {text}", "`{method}` lève {error} : {text}"),
    "numpy_scalar": (
        "`{method}` raises {error}: {text}. NumPy 2.4 changed that: an array of one element is a number no "
        "more. For labels of shape (n, 1) write int(y[i, 0]) in place of int(y[i])",
        "`{method}` lève {error} : {text}. C'est un changement de NumPy 2.4 : un tableau d'un seul élément "
        "n'est plus un nombre. Pour des étiquettes de dimensions (n, 1), écrivez int(y[i, 0]) au lieu de "
        "int(y[i])",
    ),
    "no_method": ("there is no method `{method}`", "il n'y a pas de méthode `{method}`"),
    "returns_nothing": (
        "`{method}` returns nothing (None): is a `return` missing, or is it not written yet?",
        "`{method}` ne renvoie rien (None) : manque-t-il un `return`, ou n'est-elle pas encore écrite ?",
    ),
    "returns_no_array": (
        "`{method}` returns {type}, which is no array of numbers",
        "`{method}` renvoie un objet {type}, qui n'est pas un tableau de nombres",
    ),
    "wrong_shape": (
        "`{method}` returns shape {got_shape} where {right_shape} is due",
        "`{method}` renvoie un tableau de dimensions {got_shape} au lieu de {right_shape}",
    ),
    "wrong_shape_of_part": (
        "`{method}` makes a gradient ({part}) of shape {got_shape} where {right_shape} is due",
        "`{method}` fait un gradient ({part}) de dimensions {got_shape} au lieu de {right_shape}",
    ),
    "no_gradient": (
        "no gradient is found beside the parameter `{parameter}`: the sheet calls it `_gradient`",
        "aucun gradient n'est trouvé à côté du paramètre `{parameter}` : l'énoncé l'appelle `_gradient`",
    ),
    "no_parameters": (
        "no parameters are found: no array attribute changes the output. The sheet keeps them in "
        "`_parameters`",
        "aucun paramètre n'est trouvé : aucun tableau de l'objet ne change la sortie. L'énoncé les met dans "
        "`_parameters`",
    ),
    "other_names": (
        "the parameters are in {names}; the sheet calls them `_parameters`, where other people's Sequential "
        "and Optim look for them",
        "les paramètres sont dans {names} ; l'énoncé les appelle `_parameters`, où les Sequentiel et Optim "
        "des autres les cherchent",
    ),
    "missing": ("methods of the sheet are missing: {names}", "des méthodes de l'énoncé manquent : {names}"),
    "missing_idle": (
        "methods of the sheet are missing that have nothing to do here, and that a net calls all the same: "
        "{names}. A base class Module gives them for nothing",
        "des méthodes de l'énoncé manquent, qui n'ont rien à faire ici et qu'un réseau appelle pourtant : "
        "{names}. Une classe de base Module les donne d'office",
    ),
    "no_stride": (
        "it takes no stride: checked at its own stride alone",
        "pas d'argument stride : vérifié pour son seul stride",
    ),
    "arguments": (
        "`{name}` cannot be built: it asks for arguments that are not the sheet's: {names}. To have it "
        "judged, pass an instance: diynn.check({name}(...))",
        "`{name}` ne peut être construite : elle demande des arguments hors énoncé : {names}. "
        "Pour la faire juger, donnez une instance : diynn.check({name}(...))",
    ),
    "constructor_raises": (
        "`{name}` cannot be built: its constructor raises {error}: {text}",
        "`{name}` ne peut être construite : son constructeur lève {error} : {text}",
    ),
    "sizes_unknown": (
        "`{name}`: its size `{role}` cannot be made out; give the class, or input_shape",
        "`{name}` : sa dimension `{role}` reste inconnue ; donnez la classe, ou input_shape",
    ),
    "after": ("not judged: see `{property}`", "non jugé : voir « {property} »"),
    "overflows_itself": (
        "not looked at: a function that is not of the sheet and that overflows at 30 already",
        "non regardé : une fonction hors énoncé, qui déborde dès 30",
    ),
    "no_data": (
        "not looked at: it runs on none of the data that were tried. For an instance, say the shape of one "
        "example: diynn.check(..., input_shape=(...))",
        "non regardé : aucune des données essayées ne convient. Pour une instance, donnez les "
        "dimensions d'un "
        "exemple : diynn.check(..., input_shape=(...))",
    ),
    "random": (
        "not looked at: the same data give another output each time, so that there is nothing to derive",
        "non regardé : les mêmes données donnent à chaque fois une autre sortie, il n'y a rien à dériver",
    ),
    "other_convention": (
        "values not looked at: its output has the shape of no known convention",
        "valeurs non regardées : les dimensions de sa sortie ne sont d'aucune convention connue",
    ),
    "derived_from": (
        "other classes of the file derive from it: {names}",
        "d'autres classes du fichier en dérivent : {names}",
    ),
    "zeroed_outside": (
        "`step` does not reset the gradient: the loop outside does ({line})",
        "`step` ne remet pas le gradient à zéro : c'est la boucle autour qui le fait ({line})",
    ),
    "kinks": (
        "not judged: every input drawn lay on a kink",
        "non jugé : toutes les entrées tirées tombaient sur des points anguleux",
    ),
    "slow": (
        "{factor} times slower than ours ({mine} ms against {ours} ms): loops over examples or windows are "
        "what costs; let np.einsum, np.tensordot or slices do them",
        "{factor} fois plus lent que le nôtre ({mine} ms contre {ours} ms) : ce sont les boucles sur les "
        "exemples ou les fenêtres qui coûtent ; laissez-les à np.einsum, np.tensordot ou aux tranches",
    ),
    # ------------------------------------------------------------ processes
    "timeout": (
        "stopped after {seconds} s in `{property}`: an endless loop, or far too slow",
        "arrêté après {seconds} s dans « {property} » : boucle sans fin, ou beaucoup trop lent",
    ),
    "killed": (
        "the process ended in `{property}`: {reason}",
        "le processus s'est terminé dans « {property} » : {reason}",
    ),
    "patience": (
        "not tried: {count} other classes of the file have run out of time",
        "pas essayée : {count} autres classes du fichier ont épuisé leur temps",
    ),
    "out_of_time": (
        "not looked at: the {seconds} s of the whole run were over; the next run goes on from here",
        "pas regardé : les {seconds} s du passage entier étaient écoulées ; le prochain passage continue ici",
    ),
    "too_many": (
        "{count} classes are found, of which the first {most} are judged",
        "{count} classes sont trouvées, dont les {most} premières sont jugées",
    ),
    "memory": (
        "more memory is asked for than there is, in `{property}`: {text}",
        "plus de mémoire est demandée qu'il n'y en a, dans « {property} » : {text}",
    ),
    "not_defined": (
        "the class cannot be defined: {error}: {text}",
        "la classe ne peut être définie : {error} : {text}",
    ),
    "syntax": ("line {line} is not Python: {text}", "la ligne {line} n'est pas du Python : {text}"),
    "python2": (
        "line {line} is Python 2, which Python 3 does not run: {text}",
        "la ligne {line} est du Python 2, que Python 3 n'exécute pas : {text}",
    ),
    "utf16": (
        "{line} is encoded in UTF-16, which Python does not read: save it as UTF-8",
        "{line} est encodé en UTF-16, que Python ne lit pas : enregistrez-le en UTF-8",
    ),
    "null_bytes": (
        "{line} contains null bytes, with which Python does not read it",
        "{line} contient des octets nuls, avec lesquels Python ne le lit pas",
    ),
    "no_classes": (
        "no class of a module or a loss is found",
        "aucune classe de module ou de coût n'est trouvée",
    ),
    "unreadable": ("cannot be read: {text}", "illisible : {text}"),
    "not_run": (
        "`{names}` is defined by a line that is not run (only definitions and constants are)",
        "`{names}` est défini par une ligne qui n'est pas exécutée (seules les définitions et constantes "
        "le sont)",
    ),
    "name_not_run": (
        "`{method}` raises {error}: {text}: `{names}` is defined by a line that is not run (only definitions "
        "and constants are)",
        "`{method}` lève {error} : {text} : `{names}` est défini par une ligne qui n'est pas "
        "exécutée (seules "
        "les définitions et constantes le sont)",
    ),
    "no_backward": (
        "its backward pass is not judged: no backward_update_gradient(data, delta), and no Optim beside it",
        "sa rétropropagation n'est pas jugée : ni backward_update_gradient(data, delta), ni Optim à côté",
    ),
    "foreign_net": (
        "not judged: it asks of its net what only its author's net has, and none is beside it ({text})",
        "non jugé : il demande à son réseau ce que seul celui de son auteur a, et il n'y en a pas ({text})",
    ),
    "cannot_chain": (
        "a net cannot be built of it: neither from a list, nor from arguments, nor by add(module)",
        "impossible d'en faire un réseau : ni par liste, ni par arguments, ni par add(module)",
    ),
    # ------------------------------------------------------------ words of a report
    "word.data": ("data", "données"),
    "word.expected": ("expected", "attendu"),
    "word.got": ("got", "obtenu"),
    "word.mistake": ("likely mistake", "erreur probable"),
    "word.should": ("should be", "il faudrait"),
    "word.passed": ("passed", "réussi"),
    "word.failed": ("failed", "échoué"),
    "word.remark": ("remark", "remarque"),
    "word.skipped": ("skipped", "non jugé"),
    "word.property": ("property", "propriété"),
    "word.verdict": ("verdict", "verdict"),
    "word.class": ("class", "classe"),
    "word.file": ("file", "fichier"),
    "word.kind": ("taken for", "prise pour"),
    "word.right": ("right", "juste"),
    "word.wrong": ("wrong", "faux"),
    "word.student": ("student", "étudiant"),
    "word.points": ("points", "points"),
    "word.of": ("of", "sur"),
    "word.ok": ("ok", "ok"),
    "word.no": ("NO", "NON"),
    "word.unknown": ("not one of the sheet's", "hors énoncé"),
    "word.and_also": ("{one}; and {other}", "{one} ; et {other}"),
    "told": ("{name}: {what}", "{name} : {what}"),
    "summary": ("{failed} failed, {passed} passed", "{failed} en échec, {passed:réussie|réussies}"),
    "summary.remarks": ("{remarks:remark|remarks}", "{remarks:remarque|remarques}"),
    "summary.layers": ("{layers:layer is|layers are} wrong", "{layers:couche fausse|couches fausses}"),
    "summary.skipped": ("{skipped} not looked at", "{skipped:non regardée|non regardées}"),
    "summary.nothing": ("nothing could be judged", "rien n'a pu être jugé"),
    "class_summary": (
        "{right} of {students:student is|students are} right in everything",
        "{right:étudiant|étudiants} sur {students} {right:=a tout juste|ont tout juste}",
    ),
    "points_of": ("{points} points of {of}", "{points} points sur {of}"),
    "missing_classes": ("not handed in: {names}", "non rendu : {names}"),
    "unsure": (
        "{name}: to be looked at by a person, as it could not be judged: {what}",
        "{name} : à regarder par une personne, faute d'avoir pu être jugé : {what}",
    ),
    "hidden": (
        "{columns:column does|columns do} not fit here: --csv and --html have them all",
        "{columns:colonne ne tient|colonnes ne tiennent} pas ici : --csv et --html les ont toutes",
    ),
    "archive": (
        "{line} is an archive that cannot be read: only zip files are, undamaged and without a password",
        "{line} est une archive illisible : seuls les fichiers zip intacts et sans mot de passe sont lus",
    ),
    "own_work.derived": (
        "it is diynn's own {names} under another name, and not the student's work",
        "c'est {names} de diynn sous un autre nom, et non le travail de l'étudiant",
    ),
    "own_work.used": (
        "it lets diynn's own {names} do the work, and is not the student's",
        "elle fait faire le travail à {names} de diynn, et n'est pas celui de l'étudiant",
    ),
    "own_work.lent": (
        "{names} could not be imported: diynn's own stood in",
        "{names} n'a pas pu être importé : celui de diynn l'a remplacé",
    ),
    "no_sandbox": (
        "this system lacks {names}: what the judged code may read and do is not limited by the kernel. For "
        "code that you do not trust use a container without network",
        "il manque {names} à ce système : le noyau ne limite pas ce que le code jugé peut lire et faire. "
        "Pour du code dont vous n'êtes pas sûr, utilisez un conteneur sans réseau",
    ),
    "stopped": (
        "stopped: what was judged so far is kept in {path}; the same command goes on from there",
        "arrêté : ce qui a été jugé est gardé dans {path} ; la même commande continue à partir de là",
    ),
    "recalled": (
        "{known:verdict was|verdicts were} known already, from {path}",
        "{known:verdict était déjà connu|verdicts étaient déjà connus}, dans {path}",
    ),
    "written": ("written: {path}", "écrit : {path}"),
    "similar": (
        "Whether two students' work is alike is not looked at here. JPlag and Dolos do that, on your own "
        "machine: jplag.github.io, dolos.ugent.be",
        "La ressemblance entre deux travaux n'est pas regardée ici. JPlag et Dolos le font, sur votre "
        "machine : jplag.github.io, dolos.ugent.be",
    ),
    "page.title": ("Results", "Résultats"),
    "page.search": ("Search a student, a class, a mistake", "Chercher un étudiant, une classe, une erreur"),
    "page.back": ("all students", "tous les étudiants"),
    "page.nothing": ("nobody is found", "personne n'est trouvé"),
    "helpers": (
        "without a class of a module or a loss: {names}",
        "sans classe de module ni de coût : {names}",
    ),
    "no_files": ("no .py file or notebook is found in {path}", "ni fichier .py ni notebook dans {path}"),
    "same_as_above": ("as above", "comme ci-dessus"),
}
