"""What is said about running, building and finding classes, and the words of reports and tables."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # ------------------------------------------------------------ calls that go wrong
    "raises": ("`{method}` raises {error}: {text}", "`{method}` lève {error} : {text}"),
    "no_method": ("there is no method `{method}`", "il n'y a pas de méthode `{method}`"),
    "returns_nothing": (
        "`{method}` returns nothing (None): is a `return` missing, or is it not written yet?",
        "`{method}` ne rend rien (None) : manque-t-il un `return`, ou n'est-elle pas encore écrite ?",
    ),
    "returns_no_array": (
        "`{method}` returns {type}, which is no array of numbers",
        "`{method}` rend {type}, qui n'est pas un tableau de nombres",
    ),
    "wrong_shape": (
        "`{method}` returns shape {got_shape} where {right_shape} is due",
        "`{method}` rend une taille {got_shape} au lieu de {right_shape}",
    ),
    "no_gradient": (
        "no gradient is found beside the parameter `{parameter}`: the sheet calls it `_gradient`",
        "aucun gradient trouvé à côté du paramètre `{parameter}` : l'énoncé l'appelle `_gradient`",
    ),
    "no_parameters": (
        "no parameters are found: no array attribute changes the output. The sheet keeps them in "
        "`_parameters`",
        "aucun paramètre trouvé : aucun attribut tableau ne change la sortie. L'énoncé les met dans "
        "`_parameters`",
    ),
    "other_names": (
        "the parameters are in {names}; the sheet calls them `_parameters`, where other people's Sequential "
        "and Optim look for them",
        "les paramètres sont dans {names} ; l'énoncé les appelle `_parameters`, où les Sequentiel et Optim "
        "des autres les cherchent",
    ),
    "missing": ("methods of the sheet are missing: {names}", "des méthodes de l'énoncé manquent : {names}"),
    "no_stride": (
        "it takes no stride: checked at its own stride alone",
        "pas d'argument stride : vérifié pour son seul stride",
    ),
    "arguments": (
        "`{name}` cannot be built: it asks for arguments that are not the sheet's: {names}",
        "`{name}` ne peut être construite : elle demande des arguments qui ne sont pas de l'énoncé : {names}",
    ),
    "constructor_raises": (
        "`{name}` cannot be built: its constructor raises {error}: {text}",
        "`{name}` ne peut être construite : son constructeur lève {error} : {text}",
    ),
    "sizes_unknown": (
        "`{name}`: its size `{role}` cannot be made out; give the class, or input_shape",
        "`{name}` : sa taille `{role}` reste inconnue ; donnez la classe, ou input_shape",
    ),
    "after": ("not judged: see `{property}`", "non jugé : voir « {property} »"),
    "kinks": (
        "not judged: every input drawn lay on a kink",
        "non jugé : toutes les entrées tirées étaient à des points anguleux",
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
    "memory": (
        "more memory is asked for than there is, in `{property}`: {text}",
        "plus de mémoire est demandée qu'il n'y en a, dans « {property} » : {text}",
    ),
    "not_defined": (
        "the class cannot be defined: {error}: {text}",
        "la classe ne peut être définie : {error} : {text}",
    ),
    "syntax": ("line {line} is not Python: {text}", "la ligne {line} n'est pas du Python : {text}"),
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
    "no_backward": (
        "its backward pass is not judged: no backward_update_gradient(data, delta), and no Optim beside it",
        "sa passe arrière n'est pas jugée : ni backward_update_gradient(data, delta), ni Optim à côté",
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
    "word.unknown": ("not one of the sheet's", "hors énoncé"),
    "summary": ("{failed} failed, {passed} passed", "{failed} en échec, {passed} réussies"),
    "summary.remarks": ("remarks: {remarks}", "remarques : {remarks}"),
    "class_summary": (
        "{right} of {files} files are right in everything",
        "{right} fichiers sur {files} sont entièrement justes",
    ),
    "no_files": ("no .py file or notebook is found in {path}", "aucun fichier .py ni notebook dans {path}"),
    "same_as_above": ("as above", "comme ci-dessus"),
}
