import { LinkAnchor } from "../ui/links";
import { Card, Page } from "../ui/page";
import { Empty } from "../ui/states";

export function NotFoundPage() {
  return (
    <Page title="There is no such page">
      <Card>
        <Empty title="Nothing has this address">
          Choose from the menu, or go <LinkAnchor to="/">to the overview</LinkAnchor>.
        </Empty>
      </Card>
    </Page>
  );
}
