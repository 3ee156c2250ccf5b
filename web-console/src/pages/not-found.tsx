import { LinkAnchor } from "../ui/links";
import { Empty } from "../ui/states";

export function NotFound() {
  return (
    <main>
      <Empty title="There is no such page">
        <LinkAnchor to="/">To the overview</LinkAnchor>
      </Empty>
    </main>
  );
}
