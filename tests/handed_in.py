"""Files of code as :func:`diynn.checking.files.grade.grade` takes them."""

from diynn.checking.course.students import students_of


def find(paths):
    """Return files, a folder being one student's, with the folder above which each imports nothing."""
    return {file: top for student in students_of(paths, "one") for file, top in student.files.items()}
