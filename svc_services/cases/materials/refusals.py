from chassis.problems import Problem


class TooManyMaterials(Problem):
    """The person has as many files, or as many bytes of them, as anybody may."""

    status, code = 409, "too_many_materials"


class ApplicationFull(Problem):
    """The application has as many materials, or as many bytes of them, as one may."""

    status, code = 409, "application_full"


class TooManyAttached(Problem):
    """A complaint has as many materials as one may."""

    status, code = 409, "too_many_attached"


class NoPicture(Problem):
    """A meter reading is shown by a picture."""

    status, code = 422, "no_picture"


class MaterialNotReady(Problem):
    """It is not complete, or was refused."""

    status, code = 409, "material_not_ready"


class MaterialNotScanned(Problem):
    """The scanner has not answered yet; until then only its owner opens it."""

    status, code = 409, "material_not_scanned"
    headers = {"Retry-After": "30"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class MaterialInfected(Problem):
    status, code = 422, "material_infected"


class MaterialInUse(Problem):
    """An application that was filed, a complaint or a reading uses it."""

    status, code = 409, "material_in_use"


class MaterialsClosed(Problem):
    """The case is not with the applicant, so nothing is added to it now."""

    status, code = 409, "materials_closed"


class MaterialsMissing(Problem):
    """The application needs materials of these kinds."""

    status, code = 422, "materials_missing"
