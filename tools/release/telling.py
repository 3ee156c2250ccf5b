"""What steps did, told to people."""

from .rules import Action, Bump, CommitValues, Fix, Mark, Pin, Publish, Tag, git_tag


def told(action: Action) -> str:
    """What an action did, in a line for people."""
    match action:
        case Tag(image, digest, version):
            return f"{image}:{version} is {digest[:14]}…"
        case Publish(release):
            return f"release:{release.version} is published"
        case CommitValues(environment, release):
            return f"{environment}'s values name the images of {release.version}"
        case Pin(environment, version):
            return f"{environment}'s Application pins chart and values of {version}"
        case Fix(candidate):
            return f"{candidate.alpha} is the candidate of {candidate.version}"
        case Mark(version):
            return f"{git_tag(version)} names the commit that was built"
        case Bump(version):
            return f"{version} is proposed as the next version"
